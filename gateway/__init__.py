"""The S3 front: the only package that knows HTTP, S3 and the upstream bucket."""
