"""Processes of one gateway share its standard error, so a line has to arrive in one piece."""

import json
import os
import socket
import subprocess
import sys

import pytest

_LOG = """
import logging, structlog
from slimgate.gateway.telemetry import logs
logs.configure(process=1)
structlog.get_logger("a").warning("ours", text="é" * 3000)
logging.getLogger("b").warning("of a library")
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_line_is_one_write(unbuffered: str) -> None:
    """Each write to a datagram socket is a message of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-c", _LOG]
    with ours, theirs:
        subprocess.run(command, stderr=theirs.fileno(), env=environ, check=True)
        ours.setblocking(False)
        writes = [ours.recv(1 << 16), ours.recv(1 << 16)]
        with pytest.raises(BlockingIOError):
            ours.recv(1)
    assert [write[-1:] for write in writes] == [b"\n", b"\n"]
    assert [json.loads(write)["event"] for write in writes] == ["ours", "of a library"]
