"""The commands of the program."""

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # no public name

Run = Callable[[argparse.Namespace], int]


class Command(NamedTuple):
    """A command, known without importing its module.

    Attributes:
        name: What people type.
        summary: One line for the list of commands.
        module: Has ``add(subparsers)``, which adds the command's parser, among others perhaps.
            Parsers set ``run``, a :data:`Run`.
    """

    name: str
    summary: str
    module: str

    def add(self, subparsers: "Subparsers") -> None:
        """Add the parsers of its module."""
        add: Callable[[Subparsers], None] = import_module(self.module).add
        add(subparsers)


COMMANDS: Final = (
    Command("serve", "serve S3 clients until SIGTERM", "slimgate.cli.serve"),
    Command("check", "validate the configuration and print it in full", "slimgate.cli.serve"),
    Command("engine", "run networks for gateways on other machines", "slimgate.cli.engine"),
    Command("explain", "show what a policy would do with one image", "slimgate.cli.tools"),
    Command("job", "plan work on a whole bucket, and run it", "slimgate.cli.tools"),
    Command("restore", "turn renditions into the files that were uploaded", "slimgate.cli.tools"),
    Command("restore-original", "put a kept original back", "slimgate.cli.tools"),
    Command("index", "fill the index of listings", "slimgate.cli.tools"),
    Command("ledger", "summarize the ledgers of shadow policies", "slimgate.cli.tools"),
    Command("token", "print temporary credentials of a client", "slimgate.cli.token"),
    Command("eval", "report what a policy saves on your images", "slimgate.eval.command_line"),
    Command("demo", "try a gateway on sample images", "slimgate.eval.demo.command_line"),
    Command("models", "list, fetch, measure and train restorers", "slimgate.models.command_line"),
    Command("schema", "print the JSON Schema of the configuration", "slimgate.cli.schema"),
    Command("healthcheck", "check a running gateway, for containers", "slimgate.cli.health"),
    Command("completion", "print completions for a shell", "slimgate.cli.completion"),
    Command("version", "print versions of everything that matters", "slimgate.cli.version"),
)
