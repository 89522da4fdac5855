"""Find the command that the words of a command line name, and run it."""

import argparse
import io
import os
import select
import sys
from collections.abc import Sequence
from typing import Final

from slimgate.cli import former, version
from slimgate.cli.commands import COMMANDS, Command
from slimgate.cli.extras import missing_extra
from slimgate.cli.parser import Parser, suggestion

_DESCRIPTION: Final = "An S3 gateway that stores images small and gives them back full size."
_FAILED: Final = 1
_USAGE: Final = 2
_WIDTH: Final = 18


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        words: Arguments; None: those of the process.

    Returns:
        0; 1 after a failure; 2 for wrong usage, a wrong configuration or a missing extra. Some
            commands have others, which their help lists.
    """
    if words is None:
        words = sys.argv[1:]
        # Its child processes must not import from the working directory: it may hold a random.py.
        os.environ["PYTHONSAFEPATH"] = "1"
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # Latin-1 terminals have no "…"
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_left():
            raise
        # As in ``slimgate schema | head``. Python flushes once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return code


def parser(commands: Sequence[Command] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of some commands, whose modules are imported."""
    made: argparse.ArgumentParser = Parser(prog="slimgate", description=_DESCRIPTION)
    subparsers = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in dict.fromkeys(each.module for each in commands):
        next(each for each in commands if each.module == module).add(subparsers)
    return made


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        (sys.stdout if words else sys.stderr).write(_help())
        return 0 if words else _USAGE
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"slimgate {version.own()}\n")
        return 0
    command = _named(words[0])
    instead = former.instead(words)
    if command is None or instead is not None:
        return _complain(instead or _unknown(words[0]))
    try:
        options = parser([command]).parse_args(words)
        code: int = options.run(options)
    except ModuleNotFoundError as error:
        hint = missing_extra(error, words)
        if hint is None:
            raise
        return _complain(hint)
    return code


def _reader_has_left() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in output.poll(0))


def _named(word: str) -> Command | None:
    return next((each for each in COMMANDS if each.name == word), None)


def _help() -> str:
    lines = (f"  {each.name:<{_WIDTH}}{each.summary}\n" for each in COMMANDS)
    return (
        f"usage: slimgate COMMAND …\n\n{_DESCRIPTION}\n\nCommands:\n{''.join(lines)}\n"
        "slimgate COMMAND --help shows options, examples and exit codes of a command.\n"
    )


def _unknown(word: str) -> str:
    names = [*(each.name for each in COMMANDS), *former.NAMES]
    return f"slimgate has no command {word!r}{suggestion(word, names)}\nAll: slimgate --help"


def _complain(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return _USAGE
