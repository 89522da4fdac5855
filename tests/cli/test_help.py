import argparse
import shlex

import pytest

from slimgate.cli.commands import COMMANDS
from slimgate.cli.dispatch import parser
from tests.cli.parsers import parsers

_PARSERS = parsers()


def test_the_list_of_commands_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the list has a parser, and every parser is in the list."""
    top = {name for name in _PARSERS if " " not in name}
    assert top == {each.name for each in COMMANDS}


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.name)
def test_the_list_describes_a_command_as_its_own_help(each: object) -> None:
    """Summaries begin like those that the commands have themselves."""
    made = _PARSERS[each.name]  # type: ignore[attr-defined]
    assert made.description


@pytest.mark.parametrize("words", _PARSERS)
def test_every_help_has_examples_that_can_be_typed(words: str) -> None:
    """Each example begins with the command that it is of, and parses."""
    examples = (_PARSERS[words].epilog or "").strip().splitlines()
    assert examples
    for example in examples:
        typed = shlex.split(example.partition(" > ")[0])
        assert typed[: 1 + len(words.split())] == ["slimgate", *words.split()], example
        parser().parse_args(typed[1:])


@pytest.mark.parametrize("words", _PARSERS)
def test_every_help_is_plain_text(words: str) -> None:
    """Help says what all arguments are, and the exit codes, and has no markup."""
    made = _PARSERS[words]
    text = made.format_help()
    assert "Exit codes: 0" in text
    assert "`" not in text
    assert "None" not in text
    unsaid = [action.dest for action in made._actions if not action.help and not _is_list(action)]
    assert unsaid == []


def _is_list(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)
