"""Tags and grants of an object: a GET does not tell them, and a rendition must have them, too."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from codec.reasons import Reason, Refused
from gateway.exchange import Exchange
from gateway.relay import sent
from gateway.s3 import xml as s3xml
from gateway.storage.messages import read_bounded
from gateway.storage.stored_object import request_for

UNTOLD: Final = ("x-amz-acl", "x-amz-grant-", "x-amz-tagging")
"""Headers of CreateMultipartUpload that begin so are told by no GET of the object."""

_MAX_BYTES: Final = 1 << 16


async def untold(exchange: Exchange, version_id: str | None) -> Mapping[str, str]:
    """Give tags and grants of the completed object in the headers of a PUT.

    What the client said when it created the upload is remembered as a rule; otherwise (another
    process saw that request) the upstream is asked.

    Raises:
        Refused: They cannot be found out, or the object is shared with somebody.
    """
    remembered = exchange.storage.uploads.take(exchange.parameters["uploadId"])
    if remembered is not None:
        return remembered
    grants = await _ask(exchange, "acl", version_id)
    if len(_descendants(grants, "Grant")) != 1 or _permission(grants) != "FULL_CONTROL":
        raise Refused(Reason.ACL)
    return tagging(await _ask(exchange, "tagging", version_id))


def tagging(told: s3xml.Element) -> dict[str, str]:
    """Say the answer to GetObjectTagging in the headers of a PUT."""
    tags = _descendants(told, "Tag")
    pairs = [(s3xml.text(tag, "Key"), s3xml.text(tag, "Value")) for tag in tags]
    return {"x-amz-tagging": urlencode(pairs)} if pairs else {}


async def _ask(exchange: Exchange, subresource: str, version_id: str | None) -> s3xml.Element:
    request = request_for(exchange, "GET", exchange.target, version_id, subresource=subresource)
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.OK:
            raise Refused(Reason.UNREADABLE, subresource)
        return s3xml.parse(await read_bounded(response, _MAX_BYTES))


def _descendants(root: s3xml.Element, name: str) -> list[s3xml.Element]:
    return [element for element in root.iter() if s3xml.name(element) == name]


def _permission(root: s3xml.Element) -> str:
    return s3xml.text(root.iter(), "Permission")
