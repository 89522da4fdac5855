"""The rate–distortion search for the smallest rendition that holds a floor."""
