"""One HTTP request for the rest of a file, encrypted, whatever it is redirected to."""

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
"""Gives at most so many bytes, and none when there are no more; raises Interrupted."""


class Refused(Exception):
    """The server does not give the file, and asking again is of no use."""


class Interrupted(Exception):
    """The connection ended early or could not be made; another one may do."""


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
        """Follow a redirection when it leads to a safe place."""
        check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check(url: str) -> None:
    """Make sure that nobody on the way can read or replace what an address gives.

    Raises:
        Refused: It is neither https, nor http to this very machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise Refused(f"{parts.scheme}://{parts.hostname} is not encrypted; it has to be https")


@contextmanager
def open_at(url: str, position: int, *, timeout_s: float) -> Iterator[tuple[Read, int]]:
    """Ask for a file from a position on.

    Args:
        url: Its address, https.
        position: First byte that is wanted.
        timeout_s: Longest silence of the server.

    Yields:
        What reads the body, and the position that it begins at: the one that was asked for, or 0
        where the server gives nothing but whole files.

    Raises:
        Refused: The file cannot be had.
        Interrupted: Another try may succeed.
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
        raise Refused("the server gives another part of the file than was asked for")
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
