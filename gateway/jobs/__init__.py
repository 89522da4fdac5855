"""Jobs on whole buckets, run from the command line without a gateway."""
