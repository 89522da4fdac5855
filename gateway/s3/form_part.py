"""Parse the head of one part of a ``multipart/form-data`` body.

Sources: RFC 7578, RFC 8187.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.headers import MANIFEST

_CRLF: Final = b"\r\n"
_HEADER: Final = re.compile(rb"([!#$%&'*+.^`|~0-9A-Za-z-]+):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*)")
_PARAMETER: Final = rb'[ \t]*;[ \t]*(?:filename\*?|name)=(?:"(?:[^"\\]|\\.)*"|[^";\s]+)'
_DISPOSITION: Final = re.compile(rb"form-data(?:" + _PARAMETER + rb")+[ \t]*", re.IGNORECASE)
_NAME: Final = re.compile(rb'[^a-z]name[ \t*0-9]*=[ \t]*("?)([^";]*)', re.IGNORECASE)
_FILENAME: Final = re.compile(
    rb'[^a-z]filename(\*?)=(?:"((?:[^"\\]|\\.)*)"|([^";\s]+))', re.IGNORECASE
)
# RFC 8187, section 3.2.1.
_EXTENDED: Final = re.compile(rb"utf-8'[a-z0-9-]*'([^']+)", re.IGNORECASE)
_NOISE: Final = re.compile(rb"[^a-z0-9]+")
# After any prefix: stores accept other vendors' prefixes for Amazon's.
_RESERVED: Final = _NOISE.sub(b"", MANIFEST.removeprefix("x-amz-").encode())


class Part(NamedTuple):
    """The head of a part.

    Attributes:
        name: Name of the field, lower case.
        filename: Name of the file; empty if there is none, or parsers could disagree on it.
    """

    name: bytes
    filename: bytes

    @property
    def is_file(self) -> bool:
        """Return whether this part is the file to store."""
        return self.name == b"file"


def read_part(head: bytes) -> Part:
    """Return the name and the file name of a part.

    Raises:
        S3Error: InvalidRequest if any parser could read the gateway's metadata key,
            MalformedPOSTRequest if parsers could disagree.
    """
    if _RESERVED in _NOISE.sub(b"", unquote_to_bytes(head).lower()):
        raise S3Error("InvalidRequest", f"Metadata keys that begin with {MANIFEST} are reserved.")
    values = []
    for line in head.split(_CRLF):
        found = _HEADER.fullmatch(line)
        if found is None:
            raise S3Error("MalformedPOSTRequest")
        if found[1].lower() == b"content-disposition":
            values.append(found[2])
    names = _NAME.findall(values[0]) if len(values) == 1 else []
    # An encoded word (RFC 2047) could hide a name.
    if len(names) != 1 or not _DISPOSITION.fullmatch(values[0]) or b"=?" in head:
        raise S3Error("MalformedPOSTRequest")
    name: bytes = names[0][1]
    if b"\\" in name:
        raise S3Error("MalformedPOSTRequest")
    return Part(name.lower(), _filename(values[0]))


def _filename(disposition: bytes) -> bytes:
    """Return the name of a file, which ``filename*`` may repeat: stores ignore that (RFC 7578)."""
    plain: list[bytes] = []
    repeated: list[bytes] = []
    for star, quoted, token in _FILENAME.findall(disposition):
        (repeated if star else plain).append(quoted or token)
    if len(plain) != 1:
        return b""
    name = plain[0]
    found = (_EXTENDED.fullmatch(value) for value in repeated)
    return name if all(each and unquote_to_bytes(each[1]) == name for each in found) else b""
