"""The strategies for one image, their rows, and sums over all images."""
