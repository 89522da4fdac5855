"""Bytes and arrays: containers, codecs, fidelity, the referee and restoring."""
