"""Entries as bytes."""

from datetime import UTC, datetime
from typing import Final

import pytest

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.index import record
from slimgate.gateway.storage.listing_index import Entry, Known, ListedObject, ObjectState

_NOW: Final = 1_767_355_200
_LISTED: Final = ListedObject("key", "etag", _NOW)
_VIEWS: Final = (
    None,
    LogicalView(1234, "0" * 32 + "-1"),
    LogicalView(7, "text", datetime(2026, 1, 2, tzinfo=UTC)),
)


@pytest.mark.parametrize("view", _VIEWS)
def test_a_damaged_record_shows_nothing_else(view: LogicalView | None) -> None:
    """Whichever bit is turned, and wherever it is cut, it says the same or nothing."""
    state = ObjectState("etag", "null", _NOW, _NOW, is_seen=True)
    packed = record.packed(Entry("key", None, state, view))
    assert packed is not None
    assert record.match(_LISTED, packed) == Known(view)
    damaged = [packed[:length] for length in range(len(packed))]
    for bit in range(8 * len(packed)):
        turned = bytearray(packed)
        turned[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(turned))
    assert {record.match(_LISTED, each) for each in damaged} <= {None, Known(view)}
