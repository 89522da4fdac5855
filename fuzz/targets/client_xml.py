"""XML of clients and of the store: documents, and the keys of DeleteObjects."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fuzz.target import check
from slimgate.gateway.s3 import xml
from slimgate.gateway.s3.access_control import Unrepeatable, read_acl, read_tags
from slimgate.gateway.s3.deleted_keys import deleted_keys
from slimgate.gateway.s3.errors import S3Error

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"<Delete>", b"<Object>", b"<Key>", b"</Key>", b"<!DOCTYPE", b"<!ENTITY", b"<![CDATA[", b"]]>",
    b"&#x0;", b"&#1114112;", b"&lt;", b"xmlns=", b'<?xml version="1.0" encoding="', b"utf-16",
    b"<Tag>", b"<Grant>", b"<Grantee ",
)  # fmt: skip


def run(data: bytes) -> None:
    """Parse a document: only the declared errors; what is written again is the same."""
    with suppress(ValueError):
        deleted_keys(data)
    with suppress(S3Error):
        xml.parse(xml.sanitized(data))
    try:
        root = xml.parse(data)
    except S3Error:
        return
    with suppress(Unrepeatable):
        read_acl(root)
    with suppress(Unrepeatable):
        read_tags(root)
    again = xml.parse(xml.write(root))
    check(_texts(again) == _texts(root), "a document changes when it is written")


def _texts(root: xml.Element) -> list[tuple[str, str]]:
    return [(xml.name(each), each.text or "") for each in root.iter()]


def seeds() -> Iterator[bytes]:
    """Yield requests and responses of S3."""
    space = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    yield b"<Delete" + space + b"><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>"
    yield b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    yield (
        b"<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee "
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>o</ID>'
        b"</Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
        b"</AccessControlPolicy>"
    )
    yield b"<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>"
    yield b'<!DOCTYPE a [<!ENTITY e "eeee">]><Delete><Object><Key>&e;</Key></Object></Delete>'
