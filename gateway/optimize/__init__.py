"""Optimize uploads: from an image to a stored rendition."""
