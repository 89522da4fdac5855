"""Paths and host names of requests, and the URL that the store is asked for."""

from collections.abc import Iterator
from typing import Final

from fuzz.target import check
from slimgate.config import Upstream
from slimgate.gateway.s3 import copy_source, query
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, locate, operation
from slimgate.gateway.storage.endpoint import Endpoint

MODULES: Final = ("slimgate.gateway.s3", "slimgate.gateway.storage.endpoint")
WORDS: Final = (
    b"/", b"//", b"/../", b"%2e%2e", b"%2f", b"%00", b"@", b":80", b"?", b"#", b"\\", b"localhost",
    b".localhost", b"[::1]", b"%ff", b"uploads", b"versionId=", b"bucket.evil.example", b"\t", b";",
)  # fmt: skip
_ENDPOINTS: Final = {
    style: Endpoint(Upstream(endpoint="https://store.example:9443", region="r", addressing=style))
    for style in ("path", "virtual")
}
_ROOT: Final = "store.example"


def run(data: bytes) -> None:
    """Locate a request: its URL leads to the store, and to this very bucket and key.

    The input has three lines: path, Host header, query.
    """
    texts = data.decode("utf-8", "surrogateescape").split("\n", 2)
    path, host, text = [*texts, "", "", ""][:3]
    try:
        target = locate(path, host or "localhost", ["localhost", "s3.example.com"])
        asked = query.read(text)
        operation("GET", target, asked.parameters, False)
    except S3Error:
        target, asked = Target("", "", ""), None
    for style, endpoint in _ENDPOINTS.items():
        _check_url(style, endpoint, target, asked.text if asked else "")
    try:
        source, _ = copy_source.parse(path)
    except S3Error:
        return
    _check_url("path", _ENDPOINTS["path"], source, "")


def _check_url(style: str, endpoint: Endpoint, target: Target, text: str) -> None:
    try:
        url = endpoint.url(target, text)
    except S3Error:
        return
    host = url.host_subcomponent or ""
    own = host == _ROOT or (style == "virtual" and host == f"{target.bucket}.{_ROOT}")
    check(own and url.port == 9443 and url.scheme == "https", f"a request leads to {host}")
    check(url.raw_user is None and not url.raw_fragment, "a URL has a user or a fragment")
    expected = target.path if host == _ROOT else f"/{target.quoted_key}"
    check(url.raw_path == (expected or "/"), "a path changes")


def seeds() -> Iterator[bytes]:
    """Yield requests of all styles."""
    yield b"/bucket/a/b%20c\nlocalhost:9000\nversionId=1"
    yield b"/a//b/../c\nbucket.localhost\nuploads"
    yield b"/bucket\ns3.example.com\nlist-type=2&prefix=a%2F&delimiter=/"
    yield b"/\nlocalhost\n"
    yield b"/bucket/k?versionId=3\n[::1]:9000\npartNumber=1&uploadId=x"
    yield b"/my.bucket/%e4%ff\nother.s3.example.com:80\nX-Amz-Expires=1"
