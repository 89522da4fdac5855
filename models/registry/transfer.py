"""One HTTPS request for the rest of a file, following safe redirects."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final
from urllib.parse import urlsplit

_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}

Read = Callable[[int], bytes]
"""Return at most that many bytes, b"" at the end; raise Interrupted."""


class Refused(Exception):
    """The server refuses the file; retrying is pointless."""


class Interrupted(Exception):
    """The connection failed; a retry may succeed."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Follow a redirect if its target is encrypted."""
        check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check(url: str) -> None:
    """Ensure that a URL is encrypted.

    Raises:
        Refused: the URL is neither https, nor http to loopback.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise Refused(f"{parts.scheme}://{parts.hostname} is not encrypted; use https")


@contextmanager
def open_at(url: str, position: int, *, timeout_s: float) -> Iterator[tuple[Read, int]]:
    """Request a file from a position.

    Args:
        url: URL of the file, https.
        position: first byte.
        timeout_s: idle timeout of the server, seconds.

    Yields:
        A reader of the body, and its position: the requested one, or 0 if the server only sends
        whole files.

    Raises:
        Refused: the server refuses the file.
        Interrupted: a retry may succeed.
    """
    check(url)
    request = urllib.request.Request(url, headers={"User-Agent": "slimgate"})  # noqa: S310  # https
    if position:
        request.add_header("Range", f"bytes={position}-")
    with _translated():
        answer = urllib.request.build_opener(_Redirects()).open(request, timeout=timeout_s)
    with answer:
        start = _start(answer, position)

        def read(size: int) -> bytes:
            with _translated():
                taken: bytes = answer.read1(size)
                return taken

        yield read, start


def _start(answer: http.client.HTTPResponse, position: int) -> int:
    if answer.status != http.client.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes ([0-9]{1,15})-", answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != position:
        raise Refused("the server sent another range than requested")
    return position


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500 or error.code == http.client.TOO_MANY_REQUESTS:
            raise Interrupted(f"the server answered {error.code}") from error
        raise Refused(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise Interrupted(f"no connection: {error.reason}") from error
    except (http.client.HTTPException, OSError) as error:
        raise Interrupted(f"the connection broke: {error}") from error
