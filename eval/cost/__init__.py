"""Monthly costs of a bucket, with and without the gateway."""
