"""Moto's server: an imitation of S3 in a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.server import Keys, S3Server, answers, free_port, running, wait_until


@contextmanager
def moto_server(directory: Path, port: int | None = None) -> Iterator[S3Server]:
    """Run moto for a while.

    Args:
        directory: Folder for its log.
        port: Loopback port; None: any free one.
    """
    port = port or free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1"]
    with running([*command, "-p", str(port)], directory / "moto.log"):
        wait_until(lambda: answers(port), "the start of moto")
        users = (Keys("main", "main-secret"), Keys("alt", "alt-secret"))
        yield S3Server(f"http://127.0.0.1:{port}", users, is_moto=True)
