"""The parser of all commands: examples, exit codes and suggestions in one style."""

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

_EXIT_CODES: Final = "Exit codes: 0 done, 1 failed or interrupted, 2 wrong usage or configuration."


class Parser(argparse.ArgumentParser):
    """An argument parser that shows examples and exit codes, and suggests what was meant.

    Its ``epilog`` holds examples, one per line. Parsers of subcommands are of this class, too.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        if text := options.get("description"):
            options["description"] = f"{text[0].upper()}{text[1:].rstrip('.')}."
        super().__init__(*args, **options)
        self._words: list[str] = []

    def parse_known_args(  # type: ignore[override]  # called without a namespace class here
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse arguments; unknown ones end the program where they were found."""
        self._words = list(sys.argv[1:] if args is None else args)
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Print a message with suggestions for unknown options, and exit with 2."""
        super().error(f"{message}{''.join(self._hints())}")

    def format_help(self) -> str:
        """Return the help: usage, description, options, examples and exit codes."""
        examples, self.epilog = self.epilog, None
        try:
            parts = [super().format_help().rstrip()]
        finally:
            self.epilog = examples
        if examples:
            parts.append(f"Examples:\n{textwrap.indent(textwrap.dedent(examples).strip(), '  ')}")
        return "\n\n".join([*parts, _EXIT_CODES, ""]).removesuffix("\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(each) for each in action.choices]
        names = ", ".join(known)
        raise argparse.ArgumentError(
            action, f"unknown {str(value)!r}{suggestion(str(value), known)} (choose from {names})"
        )

    def _hints(self) -> Iterable[str]:
        known = list(self._option_string_actions)
        for word in self._words:
            name = word.partition("=")[0]
            if name.startswith("--") and not any(each.startswith(name) for each in known):
                yield suggestion(name, known)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" for the closest known word; empty if none is close."""
    close = difflib.get_close_matches(word[:64], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class _Formatter(argparse.HelpFormatter):
    """Shows the default terminal width up to 100 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)
