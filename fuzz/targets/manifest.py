"""Manifests, which anyone who writes to the bucket can change."""

from collections.abc import Iterator
from typing import Final

from fuzz.target import check
from slimgate.codec import manifest
from slimgate.codec.golden import objects

MODULES: Final = ("slimgate.codec.manifest", "slimgate.codec.search")
WORDS: Final = (
    b'"v":1', b'"st":{', b'"out":{', b'"fid":{', b'"sha":"', b'"x":4', b'"r":null', b"1e999",
    b"NaN", b"-1", b"99999999999999999999", b"true", b'"downscale"', b'"recode"', b'"jxl"',
    b"\\u0000",
)  # fmt: skip


def run(data: bytes) -> None:
    """Read a manifest: only BrokenManifest; what is written again reads the same."""
    try:
        found = manifest.loads(data.decode("utf-8", "replace"))
    except manifest.BrokenManifest:
        return
    check(found.size > 0, "a size is not positive")
    try:
        text = found.dumps()
    except ValueError:  # numbers as text may be longer than what they were read from
        return
    check(manifest.loads(text).dumps() == text, "a manifest changes when it is written")


def seeds() -> Iterator[bytes]:
    """Yield the manifests of stored objects."""
    return (golden.manifest.dumps().encode() for golden in objects())
