"""What is noted of objects reaches the index."""

from collections.abc import Sequence
from typing import Final

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.listing_index import Entry, Known, ListedObject, ObjectState

_VIEW: Final = LogicalView(1234, "0" * 32)
_NOW: Final = 1_767_355_200
_SEEN: Final = ObjectState("etag", "null", _NOW, _NOW, is_seen=True)


def _listed(key: str) -> ListedObject:
    return ListedObject(key, "etag", _NOW)


async def test_what_was_noted_is_found_at_once() -> None:
    """A listing right after a write knows the object, before the index is written."""
    index = BufferedIndex(MemoryIndex(10))
    index.put("bucket", "managed", _SEEN, _VIEW)
    index.put("bucket", "plain", _SEEN, None)
    found = await index.find("bucket", [_listed("managed"), _listed("plain"), _listed("other")])
    assert found == [Known(_VIEW), Known(None), None]
    await index.close()


async def test_what_is_left_is_written_at_the_end() -> None:
    """No entry is lost because a process ends."""
    inner = MemoryIndex(10)
    index = BufferedIndex(inner)
    index.put("bucket", "key", _SEEN, _VIEW)
    assert inner.entries == 0
    await index.flush()
    assert inner.entries == 1
    await index.close()


async def test_entries_that_wait_are_bounded() -> None:
    """A flood of notes takes no more memory than 10,000 of them."""
    inner = MemoryIndex(100_000)
    index = BufferedIndex(inner)
    for number in range(10_500):
        index.put("bucket", f"{number}", _SEEN, _VIEW)
    await index.flush()
    assert inner.entries == 10_000
    await index.close()


class _Receiving(MemoryIndex):
    """An index that counts the entries it is handed."""

    received = 0

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        self.received += len(entries)
        await super().put(bucket, entries)


async def test_a_hot_object_is_written_once() -> None:
    """Reads of one object between two flushes take the place and the work of one."""
    inner = _Receiving(10)
    index = BufferedIndex(inner)
    changed = _SEEN._replace(etag="other")
    for seen in (_SEEN, _SEEN, changed, _SEEN):
        index.put("bucket", "key", seen, _VIEW)
    assert await index.find("bucket", [_listed("key")]) == [Known(_VIEW)]
    assert inner.received == 2
    await index.close()


async def test_keys_are_guessed_by_their_last_state() -> None:
    """A process remembers whether a key was managed when it last met it."""
    index = BufferedIndex(MemoryIndex(10))
    index.put("a", "b/c", _SEEN, _VIEW)
    assert index.managed("a", "b/c")
    assert not index.managed("a/b", "c")
    index.put("a", "b/c", _SEEN, _VIEW, version_id="v1")
    index.put("a", "b/c", _SEEN, None)
    assert not index.managed("a", "b/c")
    await index.close()


async def test_plain_objects_that_no_policy_names_are_not_kept() -> None:
    """Listings do not ask for them; a managed object among them changes that for its bucket."""
    inner = MemoryIndex(10)
    index = BufferedIndex(inner, lambda _, key: key.startswith("photos/"))
    index.put("bucket", "texts/1", _SEEN, None)
    index.put("bucket", "photos/1", _SEEN, None)
    await index.flush()
    assert (inner.entries, index.is_spread("bucket")) == (1, False)
    index.put("bucket", "texts/2", _SEEN, _VIEW)
    index.put("bucket", "texts/1", _SEEN, None)
    await index.flush()
    assert (inner.entries, index.is_spread("bucket")) == (3, True)
    assert not index.is_spread("other")
    await index.close()
