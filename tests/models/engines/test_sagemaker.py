"""Tests of the network behind a SageMaker endpoint, against moto and a server that misbehaves."""

import base64
import dataclasses
import io
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from slimgate.models.engine.network import BadResult, Busy, CannotRun, EngineError, Pixels, TooLate
from slimgate.models.engines import sagemaker, sagemaker_images
from slimgate.models.engines.sagemaker import Endpoint, SageMakerNetwork
from slimgate.models.engines.sagemaker_errors import translated
from tests.servers.server import S3Server

_TILE = 8
_SIDE = 4 * _TILE
_REGION = "us-east-1"

Answer = tuple[int, bytes]
"""Status and body."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "main")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "main-secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def _tiles(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (2, _TILE, _TILE, 4), np.uint8)


def _full(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)


def _arrays(*images: Pixels) -> bytes:
    held = {"generated_images": [image.tolist() for image in images], "prompt": ""}
    return json.dumps(held).encode()


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    text = base64.b64encode(file.getvalue()).decode()
    return json.dumps({"generated_images": [text], "prompt": ""}).encode()


def _queue(moto: S3Server, bodies: list[str]) -> None:
    """Set the next responses of moto's endpoints."""
    results = [{"Body": body, "ContentType": "application/json"} for body in bodies]
    with closing(HTTPConnection(moto.host, timeout=10)) as connection:
        connection.request(
            "POST",
            "/moto-api/static/sagemaker/endpoint-results",
            json.dumps({"results": results, "region": _REGION}),
            {"Content-Type": "application/json"},
        )
        assert connection.getresponse().status == 201


@pytest.mark.parametrize("jpeg", [False, True])
def test_tiles_go_to_the_endpoint_one_by_one(jpeg: bool, moto: S3Server) -> None:
    """Each tile is one request, and its response lands exactly in its place."""
    wanted = [_full(1), _full(2)]
    _queue(moto, [_arrays(image).decode() for image in wanted])
    endpoint = Endpoint(f"upscaler-{jpeg}", _REGION, moto.endpoint, jpeg=jpeg)
    with closing(SageMakerNetwork(endpoint, tile=_TILE, halo=1)) as network:
        given = network.run(_tiles(3))
    assert np.array_equal(np.stack(wanted), given)
    assert given.dtype == np.uint8
    assert (network.gives, network.scale) == ("pixels", 4)


@contextmanager
def _endpoint(*answers: Answer, **settings: Any) -> Iterator[tuple[Endpoint, list[bytes]]]:
    """Run an endpoint with these responses in turn, and then none."""
    asked: list[bytes] = []
    ended = threading.Event()
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            if not left:
                ended.wait()
                return
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Type", self.headers["Accept"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        endpoint = Endpoint("upscaler", _REGION, url, pause_s=0, timeout_s=20)
        yield dataclasses.replace(endpoint, **settings), asked
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _run(endpoint: Endpoint) -> Pixels:
    with closing(SageMakerNetwork(endpoint, tile=_TILE, halo=1)) as network:
        return network.run(_tiles(3)[:1])


def _failure(code: str) -> bytes:
    return json.dumps({"__type": code, "message": "told by the service"}).encode()


def test_requests_are_what_jumpstart_takes() -> None:
    """A request holds the prompt, the parameters, and the three colours of the tile."""
    with _endpoint((200, _arrays(_full(1))), prompt="a cat", steps=7, guidance=2.5, seed=3) as (
        endpoint,
        asked,
    ):
        _run(endpoint)
    expected = {
        "prompt": "a cat",
        "image": _tiles(3)[0, ..., :3].tolist(),
        "num_inference_steps": 7,
        "guidance_scale": 2.5,
        "seed": 3,
    }
    assert [json.loads(each) for each in asked] == [expected]


def test_requests_may_hold_a_jpeg() -> None:
    """On demand, a tile travels as a JPEG of its size, encoded in base64."""
    with _endpoint((200, _arrays(_full(1))), jpeg=True) as (endpoint, asked):
        _run(endpoint)
    data = base64.b64decode(json.loads(asked[0])["image"])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (_TILE, _TILE))


def test_overloaded_endpoints_are_asked_again() -> None:
    """Throttling is waited out; when it does not end, the endpoint is busy."""
    throttled = (400, _failure("ThrottlingException"))
    with _endpoint(throttled, (429, b"{}"), (200, _arrays(_full(1)))) as (endpoint, asked):
        assert np.array_equal(_full(1), _run(endpoint)[0])
        assert len(asked) == 3
    with (
        _endpoint(*[throttled] * 4) as (endpoint, asked),
        pytest.raises(Busy, match="endpoint upscaler is overloaded"),
    ):
        _run(endpoint)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        (400, "ValidationError", CannotRun, "check the endpoint's name"),
        (403, "AccessDeniedException", CannotRun, "permissions"),
        (424, "ModelError", EngineError, "told by the service"),
        (500, "InternalFailure", EngineError, "InternalFailure"),
        (503, "ServiceUnavailable", EngineError, "ServiceUnavailable"),
    ],
)
def test_answers_are_errors_of_ours(
    status: int, code: str, error: type[EngineError], reason: str
) -> None:
    """A refusal is reported once, with what to do, and not retried."""
    with _endpoint((status, _failure(code))) as (endpoint, asked):
        with pytest.raises(error, match=reason) as caught:
            _run(endpoint)
        assert error is type(caught.value)
        assert len(asked) == 1


def test_silent_endpoints_are_given_up() -> None:
    """An endpoint that does not answer does not keep anybody waiting."""
    with _endpoint(timeout_s=0.2) as (endpoint, _), pytest.raises(TooLate):
        _run(endpoint)


def test_endpoints_that_are_not_there_are_errors() -> None:
    """Without a connection, the endpoint is named."""
    with _endpoint() as (endpoint, _):
        pass
    with pytest.raises(EngineError, match="endpoint upscaler: Could not connect"):
        _run(endpoint)


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is too large is not read to its end."""
    monkeypatch.setattr(sagemaker, "_MAX_ANSWER", 100_000)
    with (
        _endpoint((200, b" " * 1_000_000)) as (endpoint, _),
        pytest.raises(BadResult, match="more than 100000 bytes"),
    ):
        _run(endpoint)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, nothing can run, and the message says what to configure."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with _endpoint() as (endpoint, _), pytest.raises(CannotRun, match="configure credentials"):
        _run(endpoint)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_answers_may_be_image_files(kind: str) -> None:
    """An endpoint that answers with encoded images is understood as well."""
    answer = _encoded(Image.new("RGB", (_SIDE, _SIDE), (10, 200, 90)), kind)
    pixels = sagemaker_images.unpacked(answer, _SIDE)
    assert pixels.shape == (_SIDE, _SIDE, 3)
    assert int(np.abs(pixels.astype(int) - (10, 200, 90)).max()) <= 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"body",
        b"[]",
        b"{}",
        b'{"generated_images": []}',
        b'{"generated_images": [null]}',
        b'{"generated_images": ["*"]}',
        b'{"generated_images": ["AAAA"]}',
        b'{"generated_images": [[[1, 2], [3]]]}',
        b'{"generated_images": [' + b"[" * 100_000,
        _arrays(np.zeros((_SIDE, _SIDE + 1, 3), np.uint8)),
        _arrays(np.zeros((_SIDE, _SIDE), np.uint8)),
        json.dumps({"generated_images": [np.full((_SIDE, _SIDE, 3), 256).tolist()]}).encode(),
        json.dumps({"generated_images": [np.full((_SIDE, _SIDE, 3), -1).tolist()]}).encode(),
        json.dumps({"generated_images": [np.full((_SIDE, _SIDE, 3), 0.5).tolist()]}).encode(),
        json.dumps({"generated_images": [np.full((_SIDE, _SIDE, 3), 1 << 70).tolist()]}).encode(),
        _encoded(Image.new("RGB", (9000, 9000)), "PNG"),
        _encoded(Image.new("RGB", (_SIDE, _SIDE)), "GIF"),
    ],
)
def test_whatever_is_no_image_is_a_fault(answer: bytes) -> None:
    """An answer is an image of the right size, or an error."""
    with pytest.raises(BadResult):
        sagemaker_images.unpacked(answer, _SIDE)


def _classes(root: Any) -> list[Any]:
    return [root, *(each for child in root.__subclasses__() for each in _classes(child))]


def test_every_error_of_the_library_is_ours() -> None:
    """No class of foreign errors gets through untranslated."""
    for each in _classes(BotoCoreError):
        assert isinstance(translated(each.__new__(each), "upscaler"), EngineError)
    nameless = ClientError({"Error": {}}, "InvokeEndpoint")
    assert EngineError is type(translated(nameless, "upscaler"))
