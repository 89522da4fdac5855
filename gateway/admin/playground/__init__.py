"""Pages on the operators' listener: try an image, judge it, see what is saved and what is set."""
