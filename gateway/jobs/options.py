"""Options that several commands have in common."""

import argparse
from collections.abc import Callable

from slimgate.config.option import add_config_option
from slimgate.gateway.jobs.address import Place, object_place, place


def add_config(tool: argparse.ArgumentParser) -> None:
    """Add the configuration and the key pair."""
    add_config_option(tool)
    tool.add_argument(
        "--access-key",
        metavar="KEY",
        help="access key of the credentials to use (default: the first)",
    )


def count(text: str) -> int:
    """Parse a whole number, at least 1.

    Raises:
        argparse.ArgumentTypeError: It is something else.
    """
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16 and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


def place_argument(text: str) -> Place:
    """Parse ``s3://bucket`` or ``s3://bucket/key``.

    Raises:
        argparse.ArgumentTypeError: It is neither; the message shows what was probably meant.
    """
    return _parsed(place, text)


def object_argument(text: str) -> Place:
    """Parse ``s3://bucket/key``; see :func:`place_argument`."""
    return _parsed(object_place, text)


def _parsed(parse: Callable[[str], Place], text: str) -> Place:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
