"""Whether a listed object is the one that a response has described."""

from datetime import UTC, datetime
from typing import Final

import pytest
from multidict import CIMultiDict

from slimgate.gateway.storage.listing_index import ListedObject, ObjectState

_NOON: Final = int(datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp())
_DATE: Final = "Fri, 02 Jan 2026 12:00:00 GMT"
_BEFORE: Final = "Fri, 02 Jan 2026 11:59:59 GMT"


def _listed(
    modified: int | None = _NOON, version_id: str | None = None, etag: str = "etag"
) -> ListedObject:
    return ListedObject("key", etag, modified, version_id)


@pytest.mark.parametrize(
    ("listed", "is_known"),
    [
        (_listed(), True),
        (_listed(_NOON - 5), True),
        (_listed(_NOON - 6), False),
        (_listed(_NOON + 1), False),
        (_listed(None), False),
        (_listed(version_id="v1"), True),
        (_listed(version_id="v2"), False),
        (_listed(version_id="null"), False),
        (_listed(etag="other"), False),
    ],
)
def test_a_state_is_one_object(listed: ListedObject, is_known: bool) -> None:
    """Another version, ETag or time is another object, even under the same stored ETag."""
    state = ObjectState("etag", "v1", _NOON - 5, _NOON, is_seen=False)
    assert listed.is_of(state) == is_known


def test_a_look_is_of_the_second_in_which_the_object_was_written() -> None:
    """An earlier version that comes back when a later one is deleted was modified earlier."""
    answered = CIMultiDict(
        {"ETag": '"etag"', "date": _DATE, "Last-Modified": _BEFORE, "x-amz-version-id": "v1"}
    )
    seen = ObjectState.of(answered)
    assert seen == ObjectState("etag", "v1", _NOON - 1, _NOON - 1, is_seen=True)
    assert seen.is_settled


@pytest.mark.parametrize("modified", [{"Last-Modified": _DATE}, {}])
def test_a_look_does_not_vouch_for_its_own_second(modified: dict[str, str]) -> None:
    """The object may be replaced in the second of the response, or its time is unknown."""
    seen = ObjectState.of(CIMultiDict({"ETag": '"etag"', "Date": _DATE, **modified}))
    assert not seen.is_settled


def test_a_write_is_as_old_as_its_request() -> None:
    """What was written happened between request and response, by the clock of the store."""
    written = ObjectState.of_write(CIMultiDict(Date=_DATE), "other", 7.5)
    assert written == ObjectState("other", "null", _NOON - 10, _NOON, is_seen=False)
