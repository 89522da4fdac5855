"""``slimgate models`` in this process."""

from collections.abc import Sequence

from slimgate import cli


def main(words: Sequence[str]) -> int:
    """Run it with some words; return its exit code."""
    return cli.main(["models", *words])
