"""How close a restored image is to the upload."""
