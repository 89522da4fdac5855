"""Files of keys as S3 Batch Operations takes them."""

import io

import pytest

from slimgate.gateway.jobs.plan.key_file import KeyFile
from slimgate.gateway.jobs.plan.source import BadSource, Found, Position, Skipped
from slimgate.gateway.jobs.state.shards import Row

_TEXT = (
    b"\xef\xbb\xbfphotos,a%20b%2Bc.jpg\r\n"
    b'"photos","d,e",v1\n'
    b"\n"
    b"other,f\n"
    b'photos,"line\nend"\n'
    b"photos,g+h,"
)
_ROWS = (
    Found(Row("a b+c.jpg")),
    Found(Row("d,e")),
    Found(Row("f"), Skipped.OTHER_BUCKET),
    Found(Row("line\nend")),
    Found(Row("g h")),
)


async def _read(
    text: bytes, after: Position | None = None, *, versions: bool = False
) -> list[tuple[Found, Position]]:
    source = KeyFile(io.BytesIO(text), "keys.csv", "photos", versions)
    return [
        (found, batch.after(index))
        async for batch in source.batches(after or {})
        for index, found in enumerate(batch.found)
    ]


async def test_keys_are_read() -> None:
    """Keys are decoded; versions count only where they are wanted."""
    assert [found for found, _ in await _read(_TEXT)] == [*_ROWS]
    versions = [found.row.version for found, _ in await _read(_TEXT, versions=True)]
    assert versions == [None, "v1", None, None, None]


async def test_reading_goes_on_anywhere() -> None:
    """From the position behind any row the next one follows, without reading what is before."""
    whole = await _read(_TEXT)
    for index, (_, position) in enumerate(whole):
        assert await _read(_TEXT, position) == whole[index + 1 :]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"photos\n", "write bucket,key or bucket,key,version with URL-encoded keys"),
        (b"photos,a,b,c\n", "write bucket,key"),
        (b"photos,\n", "the key is empty"),
        (b"photos,a\nphotos," + b"x" * 1025, r"row that ends at byte 1,041: the key is longer"),
        (b"photos," + b"x" * 70_000, "keys.csv, after byte 0: the row is too long"),
        (b'photos,"a', "after byte 0: unexpected end"),
        (b"photos,a," + b"v" * 1025, "the version is too long"),
    ],
)
async def test_other_files_are_refused(text: bytes, message: str) -> None:
    """A file with other rows is refused, with the place and what to write."""
    with pytest.raises(BadSource, match=message):
        await _read(text, versions=True)
