"""Tools for the command line: what is done to a bucket directly, without a server."""
