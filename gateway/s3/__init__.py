"""The S3 protocol without I/O: bytes and values in, values out, or an S3 error."""
