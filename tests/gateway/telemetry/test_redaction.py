import json
import logging
import warnings

import pytest
import structlog

from slimgate.gateway.telemetry import logs
from slimgate.gateway.telemetry.redaction import MASK, masked

_SECRET = "5f2cd0ffee"


@pytest.mark.parametrize(
    "text",
    [
        f"GET /b/k?X-Amz-Algorithm=A&X-Amz-Signature={_SECRET}&X-Amz-Expires=5 HTTP/1.1",
        f"GET /b/k?AWSAccessKeyId=A&Signature={_SECRET}%3D&Expires=5",
        f"Authorization: AWS4-HMAC-SHA256 Credential=A/20260101, Signature={_SECRET}",
        f"{{'Authorization': 'AWS4-HMAC-SHA256 Credential=A/2026, Signature={_SECRET}'}}",
        f"Authorization: Bearer {_SECRET}",
        f"{{b'Authorization': b'Bearer {_SECRET}'}}",
        f"X-Amz-Security-Token={_SECRET}",
        f"x-amz-server-side-encryption-customer-key: {_SECRET}",
        f"redis://user:{_SECRET}@host:6379/0",
        f"(redis://user:{_SECRET}@host) 1redis://user:{_SECRET}@host",
        f"x-amz-copy-source-server-side-encryption-customer-key={_SECRET}",
        f"secret_key={_SECRET}",
        f'"password": "{_SECRET}"',
    ],
)
def test_secrets_are_masked(text: str) -> None:
    """No secret of request or configuration appears in a log line."""
    assert _SECRET not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize("text", ["stored as uploaded", "a/key with = and : in it", "took 5 s"])
def test_the_rest_is_left_alone(text: str) -> None:
    """Lines without secrets are logged unchanged."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "piece",
    ["a.", "a://", "a://b:", "x-amz-", "x-amz-copy-source-server-side-", "token:", "bearer "],
)
def test_hostile_keys_cost_little(piece: str) -> None:
    """A megabyte is masked in one pass; at the square of its length, this would take hours."""
    text = piece * (1_000_000 // len(piece))
    assert len(masked(text)) <= 4 * len(text)


def test_every_line_is_json_and_masked(capfd: pytest.CaptureFixture[str]) -> None:
    """All lines are JSON without secrets: our own, libraries', tracebacks and warnings."""
    before = logging.root.handlers[:], logging.root.level
    try:
        logs.configure(process=1)
        log = structlog.get_logger("test")
        with structlog.contextvars.bound_contextvars(request_id="R1"):
            _fail(log)
            logging.getLogger("library").warning("at Signature=%s", _SECRET)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"token={_SECRET}", stacklevel=1)
        log.info("nested", given={"url": [f"?Signature={_SECRET}"]}, seconds=0.5)
    finally:
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
        logging.root.handlers, level = before
        logging.root.setLevel(level)
    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert (len(lines), written.count(_SECRET)) == (4, 0)
    assert [line.get("request_id") for line in lines] == ["R1", "R1", None, None]
    assert {line["process"] for line in lines} == {1}
    assert "ValueError" in lines[0]["exception"]


def _fail(log: structlog.stdlib.BoundLogger) -> None:
    try:
        int(f"X-Amz-Signature={_SECRET}")
    except ValueError:
        log.exception("unexpected error")
