"""Options that several commands have in common."""

import argparse
import os
from pathlib import Path
from typing import Final

from slimgate.config import config_path

EXIT: Final = "Exit codes: 0 success, 1 failure or interruption, 2 wrong usage."


def add_config(tool: argparse.ArgumentParser) -> None:
    """Add the configuration and the key pair."""
    tool.add_argument("--config", type=Path, default=config_path(os.environ), metavar="FILE")
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
