"""From an upload to a stored rendition."""
