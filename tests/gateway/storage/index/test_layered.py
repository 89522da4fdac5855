"""Indexes of several gateways, and one that they share."""

import time
from typing import Final

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.index.layered import LayeredIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.listing_index import Entry, Known, ListedObject, ObjectState

_ONE: Final = LogicalView(1234, "0" * 32)
_OTHER: Final = LogicalView(5678, "f" * 32)


def _written(at: int, view: LogicalView) -> Entry:
    return Entry("key", None, ObjectState("etag", "null", at - 2, at, is_seen=False), view)


async def test_writes_of_one_second_through_two_gateways_cancel_each_other() -> None:
    """Neither shows its own: only a look tells which of them is stored."""
    now, far = int(time.time()), MemoryIndex(10)
    gateways = [LayeredIndex(MemoryIndex(10), far) for _ in range(2)]
    page = [ListedObject("key", "etag", now)]
    for gateway, view in zip(gateways, (_ONE, _OTHER), strict=True):
        await gateway.put("bucket", [_written(now, view)])
        assert await gateways[0].get("bucket", page) == [Known(_ONE) if view is _ONE else None]
    assert await gateways[1].get("bucket", page) == [None]
    look = Entry("key", None, ObjectState("etag", "null", now, now, is_seen=True), _OTHER)
    await gateways[0].put("bucket", [look])
    assert [await each.get("bucket", page) for each in gateways] == [[Known(_OTHER)]] * 2


async def test_what_the_far_index_knows_is_near_afterwards() -> None:
    """It is found without the far index, once all writes of its second are over."""
    old, near, far = int(time.time()) - 3600, MemoryIndex(10), MemoryIndex(10)
    index, page = LayeredIndex(near, far), [ListedObject("key", "etag", old)]
    await index.put("bucket", [_written(old, _ONE)])
    assert near.entries == 0
    assert await index.get("bucket", page) == [Known(_ONE)]
    await far.close()
    assert await index.get("bucket", page) == [Known(_ONE)]
