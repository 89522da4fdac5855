"""Requests as text: method, path, query, and a header per line."""

import datetime
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, ParamSpec

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import WireRequest

_P = ParamSpec("_P")

NOW: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

_METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_.~/-]")
_VALUES: Final = re.compile(r"[^A-Za-z0-9_.~ -]")
_NAMES: Final = re.compile(r"[^a-z0-9-]")


class Sent(NamedTuple):
    """A request head.

    Attributes:
        method: HTTP method.
        path: As sent.
        query: As sent.
        headers: Names and values in order.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]

    def plain(self) -> "Sent":
        """Return a similar request that every client spells in the same way."""
        path = "/" + "".join(
            f"%{ord(c) & 127 | 128:02X}" if _OTHERS.match(c) else c for c in self.path
        )
        pairs = [each.partition("=")[::2] for each in self.query.split("&") if each][:8]
        known = {_NAMES.sub("", k.lower()): _VALUES.sub("", v).strip() for k, v in pairs}
        text = "&".join(f"{k}={v.replace(' ', '%20')}" for k, v in sorted(known.items()) if k)
        said = {f"x-amz-meta-{_NAMES.sub('', name.lower())}": value for name, value in self.headers}
        headers = {name: " ".join(_VALUES.sub("", value).split()) for name, value in said.items()}
        method = self.method if self.method in _METHODS else "GET"
        kept = tuple((k, v) for k, v in list(headers.items())[:8] if v)
        return Sent(method, path, _without_signature(text), (("Host", "localhost"), *kept))


def read(data: bytes) -> Sent:
    """Return the request that an input means; any input means one."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    method, path, query = [*lines, "", "", ""][:3]
    pairs = (line.partition(":") for line in lines[3:])
    headers = ((name.strip(), value.strip()) for name, colon, value in pairs if colon)
    return Sent(method, path, query, tuple(headers))


def refusal(verify: Callable[_P, object], *args: _P.args, **named: _P.kwargs) -> str | None:
    """Return the code of the error that verifying raises; None: it passes."""
    try:
        verify(*args, **named)
    except S3Error as error:
        return error.code
    return None


def tampered(request: WireRequest, *, query: bool = True) -> Iterator[WireRequest]:
    """Yield requests that differ from a signed one in what the signature covers."""
    method, path, text, headers = (
        request.method, request.raw_path, request.raw_query, request.headers,
    )  # fmt: skip
    yield WireRequest("DELETE" if method != "DELETE" else "GET", path, text, headers)
    yield WireRequest(method, f"{path}x", text, headers)
    if query:
        yield WireRequest(method, path, f"{text}&x=y".removeprefix("&"), headers)
    for number, (name, value) in enumerate(headers):
        if name.startswith("x-amz-meta-"):
            changed = (*headers[:number], (name, f"{value}x"), *headers[number + 1 :])
            yield WireRequest(method, path, text, changed)


def _without_signature(query: str) -> str:
    pairs = query.split("&")
    claims = ("x-amz-", "signature", "expires", "awsaccesskeyid", "response-")
    return "&".join(each for each in pairs if not each.startswith(claims))
