"""The file of a form upload."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.http.byte_blocks import ByteQueue
from slimgate.gateway.http.spooled_file import SpooledFile
from slimgate.gateway.s3.checksums import BodyDigests
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import FormParser
from slimgate.gateway.s3.post_form import PostForm
from slimgate.gateway.s3.post_policy import PostPolicy
from slimgate.gateway.s3.sigv4 import UNSIGNED_PAYLOAD


@dataclass(frozen=True, slots=True)
class ReceivedForm:
    """A form of which everything before its file has been received.

    Attributes:
        form: Its fields.
        boundary: What separates its parts.
        begun: First bytes of the file; all of a short one.
    """

    form: PostForm
    boundary: bytes
    begun: bytes


class FormFile:
    """The file of a form, as the source of an image.

    Args:
        call: The request, whose body is only peeked at.
        received: The form.
        put_headers: Headers of the PutObject that stores the file.
    """

    def __init__(self, call: Call, received: ReceivedForm, put_headers: Mapping[str, str]) -> None:
        self._call = call
        self._received = received
        self._digests = BodyDigests.declared(put_headers, UNSIGNED_PAYLOAD)
        self._held = 0
        self.permitted: PostPolicy | None = None

    @property
    def size(self) -> int:
        """Return the size of the form, bytes: the file is at most as large."""
        return self._call.upload.length or 0

    async def peek(self) -> bytes:
        """Return the first bytes."""
        return self._received.begun

    async def read(self) -> bytes:
        """Return the whole file, within the client's quota.

        Raises:
            Refused: BUFFERS; the form can still be streamed.
            S3Error: The rest of the form is malformed, or its policy or a digest does not permit
                the file.
        """
        raw = await self._call.upload.read(self._call.upload_quota)
        if raw is None:
            raise Refused(Reason.BUFFERS)
        self._held = len(raw)
        return await asyncio.to_thread(self._content, raw)

    def _content(self, raw: bytes) -> bytes:
        content = ByteQueue()
        parser = FormParser(self._received.boundary, content.append)
        parser.feed(raw)
        data = content.joined()
        self._check(parser, data, len(data))
        return data

    def _check(self, parser: FormParser, rest: bytes, size: int) -> None:
        """Check the end of a form.

        Args:
            parser: Parser that has seen all of it.
            rest: Bytes of the file that were not digested yet.
            size: Size of the file, bytes.
        """
        parser.finish()
        if parser.files != 1:
            raise S3Error("MalformedPOSTRequest", "The form has more than one file.")
        self._digests.update(rest)
        self._digests.verify({})
        if self.permitted is not None:
            self.permitted.check_size(size)

    async def spool(self, file: SpooledFile) -> str:
        """Write the file to disk.

        Args:
            file: An empty file.

        Returns:
            SHA-256, hexadecimal digits.

        Raises:
            S3Error: As :meth:`read`, or the disk space for bodies is used up.
        """
        digest, content = hashlib.sha256(), ByteQueue()
        parser = FormParser(self._received.boundary, content.append)
        async for piece in self._call.upload:
            parser.feed(piece)
            while taken := content.popleft():
                digest.update(taken)
                self._digests.update(taken)
                await file.write(taken)
        self._check(parser, b"", file.size)
        return digest.hexdigest()

    def echo(self) -> dict[str, str]:
        """Return response headers that confirm the checksum of a file that was read."""
        return self._digests.echo()

    def release(self) -> None:
        """Release its memory."""
        self._call.upload_quota.release(self._held)
        self._held = 0


def location(call: Call, quoted_key: str) -> str:
    """Return the URL of an object, next to the URL that the form was sent to.

    Args:
        call: The request.
        quoted_key: Key of the object, percent-encoded.
    """
    path = call.request.raw_path.partition("?")[0].rstrip("/")
    return f"{call.request.scheme}://{call.request.host}{path}/{quoted_key}"
