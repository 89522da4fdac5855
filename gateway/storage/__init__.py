"""The store behind the gateway."""
