"""The S3 protocol without I/O: bytes and values in, values or S3 errors out."""
