"""Rewrite the result of CopyObject, which describes what the store has written."""

from datetime import datetime

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.listing_xml import listed_time

NAME = "CopyObjectResult"
"""Name of the root element; a store may also answer an error with status 200."""


def described(root: s3xml.Element, etag: str, modified: datetime | None = None) -> bytes:
    """Return a result that describes the object as it is served, without checksums.

    Args:
        root: The parsed result; changed in place.
        etag: Served ETag, without quotes.
        modified: Last-Modified, UTC; None: unchanged.
    """
    for child in list(root):
        name = s3xml.name(child)
        if name == "ETag":
            child.text = f'"{etag}"'
        elif name == "LastModified" and modified is not None:
            child.text = listed_time(modified)
        elif name.startswith("Checksum"):
            root.remove(child)
    return s3xml.write(root)
