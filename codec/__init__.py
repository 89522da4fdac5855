"""Image coding: containers, encoders, fidelity measures, the search, and restoring."""
