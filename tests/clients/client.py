"""What the clients have in common for the tests: a few verbs, and a clean place to run in."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import pytest

ROOT: Final = Path(__file__).parents[2]
REGION: Final = "us-east-1"

_TIMEOUT_S: Final = 120.0


class Client(Protocol):
    """What every client can do; ``key`` is any text that the client lets through."""

    def put(self, file: Path, bucket: str, key: str) -> None:
        """Upload a file, with the media type that the client's users would give it."""

    def get(self, bucket: str, key: str, file: Path) -> None:
        """Download an object into a file."""

    def sizes(self, bucket: str) -> dict[str, int]:
        """List all keys of a bucket with the sizes in bytes."""

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy an object within its bucket, without downloading it."""

    def rename(self, bucket: str, source: str, target: str) -> None:
        """Move an object to another key."""

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""


class Reader(Client, Protocol):
    """A client that reads parts of objects."""

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read the bytes from ``start`` to before ``stop``."""


class Syncer(Client, Protocol):
    """A client that transfers folders, as far as they differ."""

    def sync_up(self, folder: Path, bucket: str) -> int:
        """Make the bucket like the folder; return the reported number of transferred files."""

    def sync_down(self, bucket: str, folder: Path) -> int:
        """Make the folder like the bucket; return the reported number of transferred files."""


def program(name: str) -> str:
    """Find a program of the system.

    Skips the test when it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def installed(path: str) -> str:
    """Find what ``make test-clients`` installs, relative to the checkout.

    Skips the test when it is not there.
    """
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"{path} is missing: make test-clients installs it")
    return str(found)


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which a client finds no settings but those of the test."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        **(extra or {}),
    }


def run(*command: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a client to its end.

    Raises:
        AssertionError: It failed; with all that it wrote.
    """
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
