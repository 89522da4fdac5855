"""Requests of ``python -m bench.faults``: signed URLs, answers, and what they say."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from yarl import URL

_EXPIRES_S: Final = 604_800
_ETAG: Final = re.compile(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]+)")


class Broken(Exception):
    """A request broke off, or got 5xx."""


class Answer(NamedTuple):
    """A response below 500, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def etag(self) -> str:
        """Return the ETag without quotes."""
        return self.headers.get("ETag", "").strip('"')


class Failure(NamedTuple):
    """A failed request: when it began and ended, and why; seconds of the monotonic clock."""

    began: float
    ended: float
    why: str


@dataclass
class Tally:
    """Outcomes.

    Attributes:
        outcomes: number by operation and status.
        failures: requests that broke off or got 5xx.
        done: number of operations.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    done: int = 0


def signed(client: Any, operation: str, parameters: Mapping[str, object]) -> tuple[str, URL]:
    """Return method and presigned URL of an operation.

    Args:
        client: boto3 client of a gateway.
        operation: name of its method, as ``put_object``.
        parameters: its parameters.
    """
    url: str = client.generate_presigned_url(operation, dict(parameters), ExpiresIn=_EXPIRES_S)
    methods = {"get": "GET", "list": "GET", "head": "HEAD", "delete": "DELETE", "put": "PUT",
               "upload": "PUT", "copy": "PUT"}  # fmt: skip
    return methods.get(operation.partition("_")[0], "POST"), URL(url, encoded=True)


def late(answer: Answer) -> Answer:
    """Return an answer whose ETag comes in its body.

    Raises:
        Broken: An error follows the status line, as S3 lets it.
    """
    if answer.status == 200 and b"<Error>" in answer.body:
        raise Broken("error behind 200")
    found = _ETAG.search(answer.body)
    etag = found[1].decode() if found else ""
    return Answer(answer.status, {"ETag": etag}, answer.body)


def entries(body: bytes) -> dict[str, tuple[int, str]]:
    """Return lengths and ETags of a listing by key."""
    root = ElementTree.fromstring(body)  # noqa: S314  # of the gateway under test
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    found = {}
    for entry in root.iter(f"{space}Contents"):
        texts = {child.tag.removeprefix(space): child.text or "" for child in entry}
        found[unquote_plus(texts["Key"])] = int(texts["Size"]), texts["ETag"].strip('"')
    return found
