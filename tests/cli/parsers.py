"""All parsers of the command line, with the words that lead to them."""

import argparse
from collections.abc import Iterator

from slimgate.cli.dispatch import parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command and subcommand, by its words."""
    return dict(_below("", parser()))


def _below(
    words: str, made: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in made._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield f"{words} {name}".strip(), below
                yield from _below(f"{words} {name}".strip(), below)
