"""SIGTERM while requests are in flight."""

import signal
import socket
import subprocess
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from bench.shutdown import end
from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_SLOWLY: Final = 1 << 16
_PAUSE_S: Final = 3.0  # more than it takes a gateway with nothing to do to end


@pytest.mark.parametrize(("processes", "keep"), [(1, True), (2, False)])
def test_under_load_nothing_is_broken(
    moto: S3Server, start: Start, processes: int, keep: bool
) -> None:
    """Requests that were accepted are answered completely, and uploads so answered are stored."""
    process = start(
        {**configuration(moto), "processes": processes, "engine": {"workers": 2},
         "shutdown_timeout_s": 60}
    )  # fmt: skip
    ending = end(moto, process, each=2, seconds=0.5, keep=keep)
    assert (ending.exit_code, ending.stored) == (0, True)
    assert ending.sum("broken") == 0
    assert ending.sum("refused") + ending.sum("dropped") == 10
    # A connection that is used again may end at the very moment of its next request.
    assert keep or ending.sum("dropped") == 0
    assert ending.seconds < 60


def test_a_slow_reader_gets_everything(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """What the gateway had still to send when the signal came is sent before it ends."""
    exact = {"name": "exact", "bucket": "photos*", "mode": "optimize", "tiers": ["exact"]}
    process = start({**configuration(moto), "policies": [exact]})
    # 6 MB that are soon optimized: more than the kernel takes for a client that does not read.
    pixels = np.random.default_rng(7).integers(0, 256, (1200, 1200, 3), np.uint8)
    upload = images.saved(Image.fromarray(pixels), "JPEG", quality=100, subsampling=0)
    with s3_client(moto.at(process.endpoint)) as client:
        where = {"Bucket": moto_bucket, "Key": "k.jpg"}
        client.put_object(**where, Body=upload)
        url = urlsplit(client.generate_presigned_url("get_object", where))
    with _connected(process) as connection:
        request = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
        connection.sendall(request.encode())
        received = bytearray(connection.recv(_SLOWLY))
        process.process.send_signal(signal.SIGTERM)
        process.wait_for("draining")
        with pytest.raises(subprocess.TimeoutExpired):
            process.process.wait(_PAUSE_S)
        while piece := connection.recv(_SLOWLY):
            received += piece
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"x-slimgate-tier: exact" in head
    assert upload == body
    assert process.process.wait(60) == 0


def _connected(process: GatewayProcess) -> socket.socket:
    """Connect with so little room for answers that they have to wait in the gateway."""
    connection = socket.socket()
    connection.settimeout(30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    parts: Any = urlsplit(process.endpoint)
    connection.connect((parts.hostname, parts.port))
    return connection
