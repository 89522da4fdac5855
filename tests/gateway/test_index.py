"""Tests of what is remembered of objects for listings."""

from gateway.index import LogicalIndex, View

_VIEW = View(1234, "0" * 32 + "-1")


def test_a_view_holds_for_one_stored_etag() -> None:
    """What is known of an object says nothing of the one that replaced it."""
    index = LogicalIndex(10)
    index.put("bucket", "key", "etag", _VIEW)
    assert (True, _VIEW) == (
        index.knows("bucket", "key", "etag"),
        index.get("bucket", "key", "etag"),
    )
    for other in (("bucket", "key", "new"), ("bucket", "yek", "etag"), ("tekcub", "key", "etag")):
        assert (False, None) == (index.knows(*other), index.get(*other))


def test_plain_objects_are_known_too() -> None:
    """That an object is plain is an answer, unlike knowing nothing."""
    index = LogicalIndex(10)
    index.put("bucket", "key", "etag", None)
    assert index.knows("bucket", "key", "etag")
    assert index.get("bucket", "key", "etag") is None
    assert not index.managed("bucket", "key")


def test_the_latest_replaces_the_earlier() -> None:
    """Only one state of a key is remembered, the last one."""
    index = LogicalIndex(10)
    index.put("bucket", "key", "old", _VIEW)
    assert index.managed("bucket", "key")
    index.put("bucket", "key", "new", None)
    assert not index.knows("bucket", "key", "old")
    assert (True, False) == (index.knows("bucket", "key", "new"), index.managed("bucket", "key"))


def test_bucket_and_key_are_not_joined() -> None:
    """The border between bucket and key counts."""
    index = LogicalIndex(10)
    index.put("a", "b/c", "etag", _VIEW)
    assert not index.knows("a/b", "c", "etag")
    assert not index.managed("a/b", "c")


def test_entries_are_bounded() -> None:
    """What was used longest ago is forgotten; to get it is to use it, to replace it too."""
    index = LogicalIndex(3)
    for key in "abc":
        index.put("bucket", key, "etag", _VIEW)
    index.get("bucket", "a", "etag")
    index.put("bucket", "b", "etag", None)
    index.put("bucket", "d", "etag", _VIEW)
    assert [True, True, False, True] == [index.knows("bucket", key, "etag") for key in "abcd"]


def test_no_room_is_no_error() -> None:
    """An index of no entries remembers nothing."""
    index = LogicalIndex(0)
    index.put("bucket", "key", "etag", _VIEW)
    assert not index.knows("bucket", "key", "etag")
