"""File formats of networks: native ones and checkpoints."""
