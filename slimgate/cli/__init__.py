"""The command line: one program, ``slimgate``, with a command for everything.

Only what a command needs is imported, when it runs.
"""

from slimgate.cli.dispatch import main

__all__ = ["main"]
