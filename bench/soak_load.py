"""Mixed load: all kinds of requests, complete and aborted, over a bounded set of keys."""

import asyncio
import hashlib
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from yarl import URL

from tests.e2e import images

MANAGED: Final = "photos-soak"
PLAIN: Final = "plain-soak"

_EXPIRES_S: Final = 7200
_KEYS: Final = 24
_COLD: Final = 16
_LARGE: Final = 4 << 20
_SIZES: Final = ((192, 160), (256, 192), (320, 240), (160, 224))
_CODE: Final = re.compile(rb"<Code>(\w{1,64})</Code>")
_UPLOAD_ID: Final = re.compile(r"<UploadId>([^<]{1,1024})</UploadId>")


@dataclass
class Tally:
    """Outcomes of requests.

    Attributes:
        answers: number by kind and status, or S3 error code; ``gone``: aborted by the client.
        faults: faults, as text.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def note(self, kind: str, status: int, server: str, body: bytes) -> bool:
        """Count a response; return whether it was a success.

        Args:
            kind: kind of request.
            status: HTTP status.
            server: Server header: failures of the store are passed on, and not the gateway's fault.
            body: body of the response.
        """
        if status < 400:
            self.answers[kind, str(status)] += 1
            return True
        found = _CODE.search(body)
        code = found[1].decode() if found else ""
        own = server == "slimgate"
        who = code if own or status < 500 else f"{code} (the store's own)"
        self.answers[kind, f"{status} {who}".strip()] += 1
        if own and status >= 500 and code != "SlowDown":
            self.faults.append(f"{kind}: {status} {code}")
        return False


class Load:
    """Clients of all kinds.

    Args:
        s3: boto3 client of the gateway, for signing.
        seed: seed of the order of requests.
    """

    def __init__(self, s3: Any, seed: int = 1) -> None:
        self._s3 = s3
        self._random = random.Random(seed)
        self._files = [images.jpeg(w, h, q) for w, h in _SIZES for q in (88, 94)]
        self._expected: dict[str, str] = {}
        self.tally = Tally()
        self._kinds: Sequence[tuple[int, str, Callable[[aiohttp.ClientSession], Awaitable[None]]]]
        self._kinds = (
            (2, "PUT image", self._put_image), (4, "GET cold", self._get_cold),
            (8, "GET hot", self._get_hot), (4, "GET range", self._get_range),
            (6, "PUT plain", self._put_plain), (6, "GET plain", self._get_plain),
            (2, "LIST", self._list), (1, "PUT aborted", self._abort_put),
            (1, "GET aborted", self._abort_get), (1, "multipart", self._multipart),
            (1, "multipart aborted", self._abort_multipart),
        )  # fmt: skip

    def prepare(self) -> None:
        """Store the objects that are read later."""
        for number in range(_COLD):
            key = f"cold/{number}.jpg"
            self._s3.put_object(Bucket=MANAGED, Key=key, Body=self._file(number))
        self._s3.put_object(Bucket=MANAGED, Key="hot.jpg", Body=self._files[0])
        self._s3.put_object(Bucket=PLAIN, Key="large", Body=random.Random(3).randbytes(_LARGE))

    async def run(self, connections: int, ended: asyncio.Event) -> None:
        """Keep clients busy until `ended`, and let each finish its request."""
        # No keep-alive: each client has its own connection, and some leave in the middle.
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(self._client(session, ended) for _ in range(connections)))

    async def once(self) -> None:
        """Send one request of each kind."""
        async with aiohttp.ClientSession() as session:
            for _, kind, act in self._kinds:
                await self._try(kind, act, session)

    async def _client(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        weights = [weight for weight, _, _ in self._kinds]
        while not ended.is_set():
            _, kind, act = self._random.choices(self._kinds, weights)[0]
            await self._try(kind, act, session)

    async def _try(
        self,
        kind: str,
        act: Callable[[aiohttp.ClientSession], Awaitable[None]],
        session: aiohttp.ClientSession,
    ) -> None:
        try:
            await act(session)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.tally.answers[kind, "broken off"] += 1
            self.tally.faults.append(f"{kind}: {type(error).__name__}: {error}")

    def _file(self, number: int) -> bytes:
        return self._files[number % len(self._files)]

    def _url(self, operation: str, **parameters: object) -> URL:
        url: str = self._s3.generate_presigned_url(operation, parameters, ExpiresIn=_EXPIRES_S)
        return URL(url, encoded=True)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        what: tuple[str, str, URL],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[bool, bytes, Mapping[str, str]]:
        kind, method, url = what
        async with session.request(method, url, data=body, headers=headers) as response:
            answer = await response.read()
            server = response.headers.get("Server", "")
            good = self.tally.note(kind, response.status, server, answer)
            return good, answer, response.headers

    async def _put_image(self, session: aiohttp.ClientSession) -> None:
        number = self._random.randrange(_KEYS)
        url = self._url("put_object", Bucket=MANAGED, Key=f"put/{number}.jpg")
        await self._ask(session, ("PUT image", "PUT", url), self._random.choice(self._files))

    async def _get_cold(self, session: aiohttp.ClientSession) -> None:
        number = self._random.randrange(_COLD)
        await self._get("GET cold", f"cold/{number}.jpg", len(self._file(number)), session)

    async def _get_hot(self, session: aiohttp.ClientSession) -> None:
        await self._get("GET hot", "hot.jpg", len(self._files[0]), session)

    async def _get(self, kind: str, key: str, size: int, session: aiohttp.ClientSession) -> None:
        url = self._url("get_object", Bucket=MANAGED, Key=key)
        good, body, _ = await self._ask(session, (kind, "GET", url))
        digest = hashlib.sha256(body).hexdigest()
        if good and (len(body) != size or self._expected.setdefault(key, digest) != digest):
            self.tally.faults.append(f"{kind}: {key} is another file now")

    async def _get_range(self, session: aiohttp.ClientSession) -> None:
        url = self._url("get_object", Bucket=MANAGED, Key="hot.jpg")
        headers = {"Range": "bytes=10-109"}
        good, body, _ = await self._ask(session, ("GET range", "GET", url), headers=headers)
        if good and len(body) != 100:
            self.tally.faults.append(f"GET range: {len(body)} bytes")

    async def _put_plain(self, session: aiohttp.ClientSession) -> None:
        number = self._random.randrange(_KEYS)
        url = self._url("put_object", Bucket=PLAIN, Key=f"put/{number}")
        await self._ask(session, ("PUT plain", "PUT", url), bytes(1 << (10 + number % 10)))

    async def _get_plain(self, session: aiohttp.ClientSession) -> None:
        url = self._url("get_object", Bucket=PLAIN, Key="large")
        good, body, _ = await self._ask(session, ("GET plain", "GET", url))
        if good and len(body) != _LARGE:
            self.tally.faults.append(f"GET plain: {len(body)} bytes")

    async def _list(self, session: aiohttp.ClientSession) -> None:
        bucket = self._random.choice((MANAGED, PLAIN))
        await self._ask(session, ("LIST", "GET", self._url("list_objects_v2", Bucket=bucket)))

    async def _abort_put(self, session: aiohttp.ClientSession) -> None:
        """Abort an upload, of an image or another file."""
        bucket, key = self._random.choice(((MANAGED, "aborted.jpg"), (PLAIN, "aborted")))
        url = self._url("put_object", Bucket=bucket, Key=key)
        del session  # the connection must not be reused
        _, writer = await asyncio.open_connection(url.host, url.port)
        body = self._files[0]
        head = f"PUT {url.raw_path_qs} HTTP/1.1\r\nHost: {url.authority}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()
        self.tally.answers["PUT aborted", "gone"] += 1

    async def _abort_get(self, session: aiohttp.ClientSession) -> None:
        """Abort a download."""
        url = self._url("get_object", Bucket=PLAIN, Key="large")
        async with session.get(url) as response:
            await response.content.read(1000)
            response.close()
        self.tally.answers["GET aborted", "gone"] += 1

    async def _multipart(self, session: aiohttp.ClientSession) -> None:
        name = {"Bucket": MANAGED, "Key": f"parts/{self._random.randrange(_KEYS)}.jpg"}
        upload_id = await self._begin(session, name)
        if upload_id is None:
            return
        url = self._url("upload_part", **name, UploadId=upload_id, PartNumber=1)
        what = ("multipart", "PUT", url)
        good, _, answered = await self._ask(session, what, self._random.choice(self._files))
        if not good:
            await self._give_up(session, name, upload_id)
            return
        part = {"PartNumber": 1, "ETag": answered["ETag"]}
        url = self._url("complete_multipart_upload", **name, UploadId=upload_id)
        body = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{part['ETag']}</ETag></Part></CompleteMultipartUpload>"
        )
        good, _, _ = await self._ask(session, ("multipart", "POST", url), body.encode())
        if not good:
            await self._give_up(session, name, upload_id)

    async def _abort_multipart(self, session: aiohttp.ClientSession) -> None:
        name = {"Bucket": MANAGED, "Key": "aborted-parts.jpg"}
        upload_id = await self._begin(session, name)
        if upload_id is not None:
            url = self._url("upload_part", **name, UploadId=upload_id, PartNumber=1)
            await self._ask(session, ("multipart aborted", "PUT", url), self._files[1])
            await self._give_up(session, name, upload_id)

    async def _begin(self, session: aiohttp.ClientSession, name: Mapping[str, str]) -> str | None:
        url = self._url("create_multipart_upload", **name)
        good, body, _ = await self._ask(session, ("multipart", "POST", url), b"")
        found = _UPLOAD_ID.search(body.decode())
        return found[1] if good and found else None

    async def _give_up(
        self, session: aiohttp.ClientSession, name: Mapping[str, str], upload_id: str
    ) -> None:
        url = self._url("abort_multipart_upload", **name, UploadId=upload_id)
        good = False
        while not good:
            # Abort even after a SlowDown, so that no parts are left behind.
            good, _, _ = await self._ask(session, ("multipart aborted", "DELETE", url))
