"""Test the index of logical sizes and ETags for listings."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from multidict import CIMultiDict

from gateway.s3.listing_xml import LogicalView
from gateway.storage.listing_index import ListedObject, LogicalIndex, ObjectState

_VIEW: Final = LogicalView(1234, "0" * 32 + "-1")
_NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)
_DATE: Final = "Fri, 02 Jan 2026 12:00:00 GMT"


def _seen(etag: str = "etag") -> ObjectState:
    return ObjectState(etag, "null", _NOON)


def _listed(etag: str = "etag") -> ListedObject:
    return ListedObject(etag, _NOON)


def test_a_view_holds_for_one_stored_etag() -> None:
    """What is known of an object says nothing of the one that replaced it."""
    index = LogicalIndex(10)
    index.put("bucket", "key", _seen(), _VIEW)
    assert index.knows("bucket", "key", _listed())
    assert index.get("bucket", "key", _listed()) == _VIEW
    others = (("bucket", "key", "new"), ("bucket", "yek", "etag"), ("tekcub", "key", "etag"))
    for bucket, key, etag in others:
        assert not index.knows(bucket, key, _listed(etag))
        assert index.get(bucket, key, _listed(etag)) is None


@pytest.mark.parametrize(
    ("listed", "is_known"),
    [
        (ListedObject("etag", _NOON), True),
        (ListedObject("etag", _NOON - timedelta(days=1)), True),
        (ListedObject("etag", _NOON + timedelta(milliseconds=999)), True),
        (ListedObject("etag", _NOON + timedelta(seconds=1)), False),
        (ListedObject("etag", None), False),
        (ListedObject("etag", _NOON, "v1"), True),
        (ListedObject("etag", _NOON, "v2"), False),
        (ListedObject("etag", _NOON, "null"), False),
        (ListedObject("other", _NOON, "v1"), False),
    ],
)
def test_a_view_holds_for_one_object(listed: ListedObject, is_known: bool) -> None:
    """Another version, or what was written later, is not known even under the same stored ETag."""
    index = LogicalIndex(10)
    index.put("bucket", "key", ObjectState("etag", "v1", _NOON), _VIEW)
    assert index.knows("bucket", "key", listed) == is_known
    assert index.get("bucket", "key", listed) == (_VIEW if is_known else None)


def test_answers_of_the_store_are_read() -> None:
    """A look does not vouch for the second in which it was taken; a write does."""
    answered = CIMultiDict({"ETag": '"etag"', "date": _DATE, "x-amz-version-id": "v1"})
    assert ObjectState.of(answered) == ObjectState("etag", "v1", _NOON - timedelta(seconds=1))
    written = ObjectState.of_write(CIMultiDict(Date=_DATE), "other")
    assert written == ObjectState("other", "null", _NOON)


def test_plain_objects_are_known_too() -> None:
    """That an object is plain is an answer, unlike knowing nothing."""
    index = LogicalIndex(10)
    index.put("bucket", "key", _seen(), None)
    assert index.knows("bucket", "key", _listed())
    assert index.get("bucket", "key", _listed()) is None
    assert not index.managed("bucket", "key")


def test_the_latest_replaces_the_earlier() -> None:
    """Only one state of a key is remembered, the last one."""
    index = LogicalIndex(10)
    index.put("bucket", "key", _seen("old"), _VIEW)
    assert index.managed("bucket", "key")
    index.put("bucket", "key", _seen("new"), None)
    assert not index.knows("bucket", "key", _listed("old"))
    assert index.knows("bucket", "key", _listed("new"))
    assert not index.managed("bucket", "key")


def test_bucket_and_key_are_not_joined() -> None:
    """The border between bucket and key counts."""
    index = LogicalIndex(10)
    index.put("a", "b/c", _seen(), _VIEW)
    assert not index.knows("a/b", "c", _listed())
    assert not index.managed("a/b", "c")


def test_entries_are_bounded() -> None:
    """What was used longest ago is forgotten; to get it is to use it, to replace it too."""
    index = LogicalIndex(3)
    for key in "abc":
        index.put("bucket", key, _seen(), _VIEW)
    index.get("bucket", "a", _listed())
    index.put("bucket", "b", _seen(), None)
    index.put("bucket", "d", _seen(), _VIEW)
    known = [index.knows("bucket", key, _listed()) for key in "abcd"]
    assert known == [True, True, False, True]


def test_no_room_is_no_error() -> None:
    """An index of no entries remembers nothing."""
    index = LogicalIndex(0)
    index.put("bucket", "key", _seen(), _VIEW)
    assert not index.knows("bucket", "key", _listed())
