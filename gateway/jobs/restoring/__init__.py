"""Restore renditions, from files or a bucket, without a gateway or a configuration."""
