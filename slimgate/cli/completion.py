"""The command that prints completions for shells."""

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

SHELLS: Final = ("bash", "zsh", "fish")

_EXAMPLES: Final = """
slimgate completion bash > ~/.local/share/bash-completion/completions/slimgate
slimgate completion zsh > ~/.zfunc/_slimgate
slimgate completion fish > ~/.config/fish/completions/slimgate.fish
"""


def add(subparsers: "Subparsers") -> None:
    """Add ``completion``."""
    summary = "print completions for a shell"
    parser = subparsers.add_parser(
        "completion",
        help=summary,
        description=f"{summary}, which complete commands, options, choices and files.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    import shtab

    from slimgate.cli.dispatch import parser

    sys.stdout.write(f"{shtab.complete(parser(), shell=options.shell)}\n")
    return 0
