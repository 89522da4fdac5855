"""Files of networks: native ones and checkpoints."""
