"""Listings of both versions, in pages and with every parameter."""

from typing import Any, Final
from urllib.parse import quote

from tests.e2e.differential.lab import Step, Table, got, op, raw

_KEYS: Final = ("a", "b/1", "b/2", "b/c/3", "d e", "d+e", "d%e", "f/", "g", "\u00e4", "z&<'\">")
_FILLED: Final[tuple[Step, ...]] = tuple(op("put_object", Key=k, Body=k.encode()) for k in _KEYS)
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "a slash as delimiter": {"Delimiter": "/"},
    "a letter as delimiter": {"Delimiter": "b"},
    "a percent as delimiter": {"Delimiter": "%"},
    "a blank as delimiter": {"Delimiter": " "},
    "two slashes as delimiter": {"Delimiter": "//"},
    "no delimiter at all": {"Delimiter": ""},
    "a dot as delimiter": {"Delimiter": "."},
    "an umlaut as delimiter": {"Delimiter": "ä"},
    "a prefix": {"Prefix": "b/"},
    "an empty prefix": {"Prefix": ""},
    "a prefix of none": {"Prefix": "none"},
    "a prefix with a plus": {"Prefix": "d+"},
    "a prefix with a blank": {"Prefix": "d "},
    "a prefix in UTF-8": {"Prefix": "ä"},
    "prefix and delimiter": {"Prefix": "b/", "Delimiter": "/"},
    "an open prefix and delimiter": {"Prefix": "b", "Delimiter": "/"},
    "a strange prefix and delimiter": {"Prefix": "y", "Delimiter": "x"},
    "one key": {"MaxKeys": 1},
    "three keys and delimiter": {"MaxKeys": 3, "Delimiter": "/"},
    "no keys": {"MaxKeys": 0},
    "many keys": {"MaxKeys": 5000},
    "negative keys": {"MaxKeys": -1},
    "encoded keys": {"EncodingType": "url"},
    "encoded keys and delimiter": {"EncodingType": "url", "Delimiter": "/", "Prefix": "d"},
}
_QUERIES: Final = (
    "max-keys=blah", "max-keys=", "max-keys=1.5", "encoding-type=foo", "delimiter=%0A",
        "prefix=%0A",
    "marker=%00", "allow-unordered=true", "allow-unordered=true&delimiter=%2F", "list-type=3",
    "list-type=2&start-after=b%2F1", "list-type=2&continuation-token=", "max-keys=2&marker=b%2F2",
    "list-type=2&continuation-token=nonsense", "prefix=%ff", "prefix=a&prefix=b",
        "list-type=2&fetch-owner=x",
    "MAX-KEYS=1", "max-keys=99999999999999999999", "uploads&max-uploads=0", "uploads&max-uploads=x",
    "versions&max-keys=2", "versions&key-marker=b%2F1", "versions&version-id-marker=x",
        "versions&prefix=b",
    "versions&delimiter=%2F", "versions&encoding-type=url",
)  # fmt: skip


def _page(number: int) -> Step:
    return op("list_objects", MaxKeys=2, Delimiter="/", Marker=got("NextMarker", number))


def _page_2(number: int) -> Step:
    token = got("NextContinuationToken", number)
    return op("list_objects_v2", MaxKeys=2, ContinuationToken=token)


SCENARIOS: Final[Table] = {
    **{f"listing with {what}": (*_FILLED, op("list_objects", **each), op("list_objects_v2", **each))
       for what, each in _PARAMETERS.items()},
    **{f"listing asked for {each}": (*_FILLED, raw("GET", f"/{{bucket}}?{each}"))
        for each in _QUERIES},
    "listing of an empty bucket": (
        op("list_objects"), op("list_objects_v2"), op("list_object_versions"),
        op("list_multipart_uploads"), raw("GET", "/{bucket}"), raw("GET", "/{bucket}/"),
    ),
    "listing with owners": (*_FILLED, op("list_objects_v2", FetchOwner=True),
                            op("list_objects_v2", FetchOwner=False)),
    "listing in pages": (*_FILLED, op("list_objects", MaxKeys=2, Delimiter="/"), _page(-1),
        _page(-1)),
    "listing in pages with tokens": (*_FILLED, op("list_objects_v2", MaxKeys=2), _page_2(-1),
                                     _page_2(-1), _page_2(-1)),
    "listing from a start": (*_FILLED, op("list_objects_v2", StartAfter="b/2"),
                             op("list_objects_v2", StartAfter="zzzz"),
                             op("list_objects_v2", StartAfter="b/1", MaxKeys=1),
                             op("list_objects_v2", StartAfter="a", ContinuationToken=got(
                                 "NextContinuationToken"))),
    "listing from a marker": (
        *_FILLED, *(op("list_objects", Marker=marker) for marker in ("b/1", "c", "zzzz", "", "d+e",
            "ä")),
    ),
    "listing of all that begins with bytes": (
        *_FILLED, *(raw("GET", f"/{{bucket}}?prefix={quote(k)}") for k in _KEYS),
    ),
    "listing is changed by removal": (
        *_FILLED, op("delete_object", Key="b/1"), op("list_objects_v2", Delimiter="/", Prefix="b/"),
    ),
    "listing of another owner's bucket": (op("list_objects", by="alt"), op("list_object_versions",
        by="alt"),
                                          op("list_multipart_uploads", by="alt")),
    "listing that is public": (
        *_FILLED, op("put_bucket_acl", ACL="public-read"), op("list_objects_v2", by="alt"),
        op("list_objects", by="nobody", Delimiter="/"), op("get_object", Key="a", by="nobody"),
    ),
}  # fmt: skip
