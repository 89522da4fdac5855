"""Renditions in a bucket; requests only list and get objects."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.restoring import notes
from slimgate.gateway.jobs.restoring.item import Item, Opened

_OF_GATEWAYS: Final = "x-slimgate-tier"


class Unreachable(ValueError):
    """The bucket cannot be listed, or an object not read; the message says why."""


def of_bucket(s3: Any, place: Place) -> Iterator[Item]:
    """Yield one object, or all below a prefix.

    Args:
        s3: Client of botocore.
        place: An object, or a prefix; without a key, the whole bucket.

    Raises:
        Unreachable: The bucket cannot be listed.
    """
    folder = place.key[: place.key.rfind("/") + 1]
    for key in _keys(s3, place):
        yield _item(s3, Place(place.bucket, key), key.removeprefix(folder) or key)
        if key == place.key:
            return  # the first one in order: an object was named, not a prefix


def _keys(s3: Any, place: Place) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
    try:
        for page in pages:
            for entry in page.get("Contents", ()):
                if not _is_folder(entry):
                    yield str(entry["Key"])
    except (BotoCoreError, ClientError) as error:
        hint = "check credentials, region and --endpoint-url"
        raise Unreachable(f"{place} cannot be listed: {error}; {hint}") from error


def _is_folder(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is an empty folder, as consoles make them."""
    return not entry["Size"] and str(entry["Key"]).endswith("/")


def _item(s3: Any, place: Place, name: str) -> Item:
    def open_() -> Opened:
        try:
            answer = s3.get_object(Bucket=place.bucket, Key=place.key)
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(f"it cannot be read: {error}") from error
        if _OF_GATEWAYS in answer["ResponseMetadata"]["HTTPHeaders"]:
            answer["Body"].close()
            raise Unreachable("a gateway restores it already: name the store by --endpoint-url")
        note = notes.of_mapping(answer["Metadata"])
        size, modified = int(answer["ContentLength"]), answer["LastModified"].timestamp()
        return Opened(note, True, size, modified, _Body(answer["Body"]))

    return Item(name, open_)


class _Body:
    """The body of a response, with errors that say what they are about."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, amount: int, /) -> bytes:
        """Return at most as many bytes; none at the end."""
        try:
            data: bytes = self._body.read(amount)
        except (BotoCoreError, OSError) as error:
            raise Unreachable(f"it cannot be read: {error}") from error
        return data

    def close(self) -> None:
        """Close the connection, unless all was read."""
        self._body.close()
