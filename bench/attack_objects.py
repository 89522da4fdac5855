"""Objects of a hostile writer of the bucket: renditions that cannot be restored."""

import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from bench.echo import key_of
from slimgate.codec import manifest
from tests.e2e import images

BUCKET: Final = "photos"
GOOD: Final = "good"
BROKEN: Final = "broken"
COSTLY: Final = tuple(f"costly-{number}" for number in range(16))
DOTS: Final = "." * 1000

_NOTE: Final = "x-amz-meta-slimgate"
_SMALL: Final = 1024
_TIMEOUT_S: Final = 60.0
_SIDES: Final = (1200, 900)


def fill(gateway: Any, store: str) -> None:
    """Store an image through a gateway, and make objects that claim to be renditions of it.

    Args:
        gateway: boto3 client of the gateway.
        store: URL of its store, which asks for no signatures.
    """
    _put(store, f"plain/{key_of(_SMALL)}", bytes(_SMALL), {})
    gateway.put_object(Bucket=BUCKET, Key=GOOD, Body=images.jpeg(*_SIDES))
    url = f"{store}/{BUCKET}/{GOOD}"
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # our own server
        rendition, note = answer.read(), answer.headers[_NOTE]
    # The whole work is done before the digest shows that it was in vain.
    other = manifest.loads(note).model_copy(update={"sha256": "0" * 64}).dumps()
    _put(store, f"{BUCKET}/{BROKEN}", b"\xff" * len(rendition), {_NOTE: note})
    for key in COSTLY:
        _put(store, f"{BUCKET}/{key}", rendition, {_NOTE: other})
    _put(store, f"{BUCKET}/{DOTS}", rendition, {_NOTE: "{"})


def _put(store: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
    url, sent = f"{store}/{quote(path)}", {"Content-Type": "image/jpeg", **headers}
    request = urllib.request.Request(url, body, sent, method="PUT")  # noqa: S310  # as above
    urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()  # noqa: S310
