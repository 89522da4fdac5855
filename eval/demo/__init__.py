"""The demo: a gateway and a bucket on this machine."""
