"""A server of one file that misbehaves as told: real HTTP, for tests of downloads."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

_CHUNK: Final = 1000


@dataclass
class FileServer:
    """A file, how it is served, and the requests for it.

    Attributes:
        body: The file.
        port: Where it listens, on loopback.
        ranges: Whether it gives parts of the file.
        cuts: Bytes after which the next connections end; each is used once.
        statuses: What the next requests are answered with instead; each is used once.
        location: Where it redirects to; empty: nowhere.
        stall: Whether it says nothing at all.
        asked: The Range header of each request, in turn.
    """

    body: bytes
    port: int = 0
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    stall: bool = False
    asked: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Return the address of the file."""
        return f"http://127.0.0.1:{self.port}/release/weights.pth"


@contextmanager
def file_server(body: bytes) -> Iterator[FileServer]:
    """Run a server for a while.

    Args:
        body: The file that it gives.
    """
    told = FileServer(body)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(told: FileServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.headers["Range"])
            if told.stall:
                told.ended.wait()
            elif told.statuses:
                self.send_error(told.statuses.pop(0))
            elif told.location:
                self.send_response(302)
                self.send_header("Location", told.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._give()

        def _give(self) -> None:
            wanted = self.headers["Range"] if told.ranges else None
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            rest = told.body[start:]
            if wanted:
                last = len(told.body) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(told.body)}")
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            sent = rest[: told.cuts.pop(0)] if told.cuts else rest
            with contextlib.suppress(ConnectionError):  # a client may have had enough
                for position in range(0, len(sent), _CHUNK):
                    self.wfile.write(sent[position : position + _CHUNK])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Say nothing."""

    return Handler
