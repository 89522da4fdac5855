"""Forms of browsers, and the policies in them."""

import base64
import datetime
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fuzz.target import check, pieces
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import FormParser, boundary_of
from slimgate.gateway.s3.post_form import read_form
from slimgate.gateway.s3.post_policy import read_policy

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"--b\r\n", b"--b--\r\n", b"\r\n\r\n", b'Content-Disposition: form-data; name="', b"filename=",
    b"key", b"${filename}", b"policy", b"x-amz-signature", b"starts-with", b"content-length-range",
    b'{"expiration":', b'"conditions":[', b"eq", b"filename*=utf-8''",
)  # fmt: skip
_NOW: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def run(data: bytes) -> None:
    """Parse a form whole and in pieces, and its policy: results agree; only S3 errors."""
    whole, split = _parsed([data]), _parsed(pieces(data))
    check(whole == split, "a form depends on how it arrives")
    for text in (base64.b64encode(data).decode(), data.decode("latin-1")):
        with suppress(S3Error):
            read_policy(text)
    with suppress(S3Error):
        boundary_of(data.decode("latin-1"))


def _parsed(parts: list[bytes]) -> object:
    taken: list[bytes] = []
    parser = FormParser(b"b", taken.append)
    try:
        for part in parts:
            parser.feed(part)
        parser.finish()
        form = read_form("bucket", parser) if parser.in_file else None
    except S3Error as error:
        return error.code
    fields = None if form is None else sorted(form.fields.items())
    return parser.fields, parser.files, parser.filename, b"".join(taken), fields


def seeds() -> Iterator[bytes]:
    """Yield forms and policies."""
    policy = b'{"expiration":"2030-01-01T00:00:00.000Z","conditions":[{"bucket":"b"},'
    policy += b'["starts-with","$key","u/"],["eq","$acl","private"],["content-length-range",1,9]]}'
    yield policy
    head = b'--b\r\nContent-Disposition: form-data; name="'
    fields = head + b'key"\r\n\r\nu/${filename}\r\n' + head + b'policy"\r\n\r\n'
    fields += base64.b64encode(policy) + b"\r\n"
    yield (
        fields
        + head
        + b'file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\nxy\r\n--b--\r\n'
    )
    yield b'multipart/form-data; boundary="b"'
