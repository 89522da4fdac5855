"""Plan a job: from a listing, an S3 Inventory or a file of keys to immutable shards."""
