"""The option of commands that names the configuration file."""

import argparse
import os
from pathlib import Path

from slimgate.config.loading import config_path


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=config_path(os.environ),
        metavar="FILE",
        help="configuration (default: SLIMGATE_CONFIG, or slimgate.yaml)",
    )
