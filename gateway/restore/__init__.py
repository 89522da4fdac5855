"""From a stored rendition to the file as served."""
