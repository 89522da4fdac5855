"""Take out of an outcome what differs from one run to the next, and keep everything else."""

import datetime
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.e2e.differential.lab import Lab, Outcome

# Of the connection or of whoever writes the answer; hop-by-hop headers are RFC 9110's.
_OF_THE_WAY: Final = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding"})
_REQUEST_IDS: Final = frozenset({"x-amz-request-id", "x-amz-id-2", "x-amzn-requestid"})
_ID_FIELDS: Final = frozenset({"RequestId", "HostId"})
_DATES: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT"
)
_DRAWN: Final = re.compile(r"<(VersionId|UploadId|RequestId|HostId)>([^<]+)</")
_ERROR_FIELD: Final = re.compile(r"<([A-Z][A-Za-z]{1,40})>([^<]*)</")
_DRAWN_FIELDS: Final = frozenset(
    {"VersionId", "UploadId", "CopySourceVersionId", "DeleteMarkerVersionId"}
)
_DRAWN_HEADERS: Final = frozenset(
    {"x-amz-version-id", "x-amz-copy-source-version-id", "x-amz-abort-rule-id"}
)
# Ceph removes several objects at once, and tells of them in the order in which that ended.
_UNORDERED: Final = frozenset({"Deleted", "Errors"})
_FIXED: Final = frozenset({"null", ""})


def flat(lab: Lab) -> dict[str, str]:
    """Return all outcomes of a lab as one table: where something stands, and what.

    The bucket, the server, dates and drawn ids get names that are the same in every run.
    """
    names = _Names(lab)
    table: dict[str, str] = {}
    for number, outcome in enumerate(lab.outcomes, 1):
        place = f"{number} {outcome.what}"
        table[f"{place}/status"] = str(outcome.status)
        for name, value in _pairs(outcome):
            table[f"{place}/{name}"] = names.plain(value)
    return table


def _pairs(outcome: Outcome) -> Iterator[tuple[str, Any]]:
    is_xml = any(n == "content-type" and "xml" in value for n, value in outcome.headers)
    for name, value in outcome.headers:
        # XML holds ids and addresses; it is compared without them, and its length would tell them.
        if name not in _OF_THE_WAY | _REQUEST_IDS and not (is_xml and name == "content-length"):
            yield f"header/{name}", value
    yield from _leaves("content", _error(outcome) or outcome.content)


def _error(outcome: Outcome) -> dict[str, dict[str, str]] | None:
    """Take an error of S3 apart, as a client library does."""
    content = outcome.content
    if outcome.status < 300 or not isinstance(content, bytes) or b"<Error>" not in content[:80]:
        return None
    return {"Error": dict(_ERROR_FIELD.findall(content.decode()))}


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name in value.keys() - _ID_FIELDS:
            yield from _leaves(f"{place}/{name}", value[name])
    elif isinstance(value, list):
        yield f"{place}/count", len(value)
        ordered = sorted(value, key=str) if place.rpartition("/")[2] in _UNORDERED else value
        for number, inner in enumerate(ordered):
            yield from _leaves(f"{place}/{number}", inner)
    else:
        yield place, value


class _Names:
    """Names for random values, in the order in which they appear."""

    def __init__(self, lab: Lab) -> None:
        self._names: dict[str, str] = {lab.bucket: "(bucket)", lab.server.host: "(host)"}
        self._count = 0
        for outcome in lab.outcomes:
            self._find(outcome)

    def plain(self, value: object) -> str:
        """Write a value, with names in place of random values."""
        if isinstance(value, datetime.datetime):
            return "(date)"
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        # Dates first: what is drawn may be as short as a digit of theirs.
        text = _DATES.sub("(date)", text)
        for drawn, name in self._names.items():
            text = text.replace(drawn, name)
        return text

    def _find(self, outcome: Outcome) -> None:
        for name, value in outcome.headers:
            if name in _DRAWN_HEADERS | _REQUEST_IDS:
                self._name(value, is_request_id=name in _REQUEST_IDS)
        for place, value in _leaves("", outcome.content):
            if place.rpartition("/")[2] in _DRAWN_FIELDS:
                self._name(str(value), is_request_id=False)
            if isinstance(value, bytes):
                for kind, drawn in _DRAWN.findall(value[:65536].decode("latin-1")):
                    self._name(drawn, is_request_id=kind in _ID_FIELDS)

    def _name(self, drawn: str, *, is_request_id: bool) -> None:
        if drawn in _FIXED or drawn in self._names:
            return
        # An id of the request has no place in the order: whoever answers may leave it out.
        self._names[drawn] = "(id)" if is_request_id else f"(drawn {self._count})"
        self._count += not is_request_id
