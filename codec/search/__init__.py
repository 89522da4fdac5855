"""Find the smallest rendition that holds a floor."""
