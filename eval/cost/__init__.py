"""What a bucket costs in a month, with and without the gateway."""
