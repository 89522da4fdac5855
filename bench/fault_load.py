"""Clients of ``python -m bench.faults``: all operations, each judged by the model."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp

from bench.fault_model import ABSENT, Key, Model, Moment, State
from bench.fault_requests import Answer, Broken, Failure, Tally, entries, late, signed

PLAIN: Final = "plain-faults"
KEYS: Final = 200  # of each bucket
DEADLINE_S: Final = 60.0

_UPLOAD_ID: Final = re.compile(r"<UploadId>([^<]{1,1024})</UploadId>")
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Load:
    """Clients of all kinds, which choose a gateway anew for every request.

    Args:
        clients: boto3 clients of the gateways, for signing.
        model: what is known of the buckets.
        files: uploads by bucket; those of one bucket have different lengths.
        seed: seed of all choices.
    """

    def __init__(
        self, clients: Sequence[Any], model: Model, files: Mapping[str, Sequence[bytes]], seed: int
    ) -> None:
        self._clients = clients
        self.model = model
        self._files = files
        self._random = random.Random(seed)
        self.tally = Tally()
        self._ended = False
        for bucket in files:
            for slot in range(KEYS):
                model.new_key(bucket, slot)
        self._kinds: Sequence[tuple[int, str, Callable[[aiohttp.ClientSession], Awaitable[None]]]]
        self._kinds = (
            (12, "PUT", self._put), (30, "GET", self._get), (14, "range", self._get_range),
            (10, "HEAD", self._head), (6, "LIST", self._list), (8, "copy", self._copy),
            (6, "multipart", self._multipart), (8, "DELETE", self._delete),
            (4, "PUT aborted", self._abort_put), (2, "GET aborted", self._abort_get),
        )  # fmt: skip

    async def run(self, operations: int, connections: int) -> None:
        """Run so many operations on so many connections."""
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(connections):
                group.create_task(self._client(session, operations))

    def end(self) -> None:
        """Begin no more operations."""
        self._ended = True

    async def read_all(self, connections: int) -> None:
        """Read every key, whatever became of it."""
        waiting = [*self.model.retired, *(k for ks in self.model.live.values() for k in ks)]
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:

            async def read() -> None:
                while waiting:
                    key = waiting.pop()
                    await self._try("last GET", self._read(session, key, "last GET"))
                    await self._try("last HEAD", self._look(session, key, "last HEAD"))

            await asyncio.gather(*(read() for _ in range(connections)))

    async def _client(self, session: aiohttp.ClientSession, operations: int) -> None:
        weights = [weight for weight, _, _ in self._kinds]
        while self.tally.done < operations and not self._ended:
            self.tally.done += 1
            _, kind, act = self._random.choices(self._kinds, weights)[0]
            await self._try(kind, act(session))

    async def _try(self, kind: str, acting: Awaitable[None]) -> None:
        began = time.monotonic()
        try:
            await acting
        except Broken as error:
            self.tally.outcomes[kind, str(error)] += 1
            self.tally.failures.append(Failure(began, time.monotonic(), f"{kind}: {error}"))

    def _key(self, bucket: str | None = None) -> Key:
        bucket = bucket or self._random.choice(list(self._files))
        return self._random.choice(self.model.live[bucket])

    def _file(self, bucket: str) -> bytes:
        return self._random.choice(self._files[bucket])

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        operation: str,
        parameters: Mapping[str, object],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a gateway that accepts connections.

        Raises:
            Broken: It broke off, or got 5xx: whether it took effect is unknown.
        """
        gateways = self._random.sample(self._clients, len(self._clients))
        for client in gateways:
            method, url = signed(client, operation, parameters)
            try:
                async with session.request(method, url, data=body, headers=headers) as response:
                    answer = Answer(response.status, response.headers, await response.read())
            except aiohttp.ClientConnectorError:
                continue  # the connection was refused, so nothing was sent
            except TimeoutError as error:
                self.model.faults[f"stuck: {kind} took over {DEADLINE_S:g} s"] += 1
                raise Broken("stuck") from error
            except aiohttp.ClientError as error:
                raise Broken(type(error).__name__) from error
            if answer.status >= 500:
                raise Broken(str(answer.status))
            self.tally.outcomes[kind, str(answer.status)] += 1
            return answer
        raise Broken("no gateway")

    async def _write(
        self, kind: str, key: Key, state: State, sending: Callable[[], Awaitable[Answer]]
    ) -> None:
        """Write a key, of which the lock is held."""
        key.begin(state)
        try:
            answer = await sending()
        except Broken:
            self.model.retire(key)
            raise
        if answer.status >= 300:
            key.refuse()
            self.model.fault(f"{kind}: refused", key, f"{answer.status} {answer.body[:200]!r}")
            return
        key.settle(state)  # its ETag is that of the upload, not of what is served

    async def _put(self, session: aiohttp.ClientSession) -> None:
        async with (key := self._key()).lock:
            if key.is_in_doubt:
                return
            version = self.model.version(self._file(key.bucket))
            await self._write("PUT", key, version, lambda: self._ask(
                session, "PUT", "put_object", _named(key), version.upload))  # fmt: skip

    async def _delete(self, session: aiohttp.ClientSession) -> None:
        async with (key := self._key()).lock:
            if not key.is_in_doubt:
                await self._write("DELETE", key, ABSENT, lambda: self._ask(
                    session, "DELETE", "delete_object", _named(key)))  # fmt: skip

    async def _copy(self, session: aiohttp.ClientSession) -> None:
        one, other = self._key(), self._key()
        if one is other:
            return
        first, second = sorted((one, other), key=lambda key: (key.bucket, key.name))
        async with first.lock, second.lock:
            source = one.possible[0]
            if source is None or one.is_in_doubt or other.is_in_doubt:
                return
            version = self.model.version(source.upload, in_steps=True)
            parameters = {**_named(other), "CopySource": f"{one.bucket}/{one.name}"}
            headers = {"x-amz-copy-source": f"{one.bucket}/{one.name}"}
            await self._write("copy", other, version, lambda: self._copied(
                session, parameters, headers))  # fmt: skip

    async def _copied(
        self,
        session: aiohttp.ClientSession,
        parameters: Mapping[str, object],
        headers: Mapping[str, str],
    ) -> Answer:
        """Copy; an error may come behind 200."""
        answer = await self._ask(session, "copy", "copy_object", parameters, headers=headers)
        return late(answer)

    async def _multipart(self, session: aiohttp.ClientSession) -> None:
        async with (key := self._key()).lock:
            if not key.is_in_doubt:
                await self._parts(session, key)

    async def _parts(self, session: aiohttp.ClientSession, key: Key) -> None:
        version = self.model.version(self._file(key.bucket), in_steps=True)
        named = _named(key)
        begun = await self._ask(session, "multipart", "create_multipart_upload", named, b"")
        found = _UPLOAD_ID.search(begun.body.decode())
        if found is None:
            self.model.fault("multipart: refused", key, begun.status)
            return
        upload = {**named, "UploadId": found[1]}
        part = {**upload, "PartNumber": 1}
        sent = await self._ask(session, "multipart", "upload_part", part, version.upload)
        body = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{sent.etag}</ETag></Part></CompleteMultipartUpload>"
        ).encode()

        async def completed() -> Answer:
            answer = await self._ask(
                session, "multipart", "complete_multipart_upload", upload, body
            )
            return late(answer)

        await self._write("multipart", key, version, completed)

    async def _get(self, session: aiohttp.ClientSession) -> None:
        await self._read(session, self._key(), "GET")

    async def _read(self, session: aiohttp.ClientSession, key: Key, kind: str) -> None:
        moment = Moment.of(key)
        answer = await self._ask(session, kind, "get_object", _named(key))
        if answer.status == 200:
            self.model.see_body(kind, moment, answer.etag, answer.body)
        else:
            self._unread(kind, moment, answer)

    async def _look(self, session: aiohttp.ClientSession, key: Key, kind: str) -> None:
        moment = Moment.of(key)
        answer = await self._ask(session, kind, "head_object", _named(key))
        if answer.status == 200:
            self.model.see(kind, moment, int(answer.headers["Content-Length"]), answer.etag)
        else:
            self._unread(kind, moment, answer)

    async def _head(self, session: aiohttp.ClientSession) -> None:
        await self._look(session, self._key(), "HEAD")

    async def _get_range(self, session: aiohttp.ClientSession) -> None:
        moment = Moment.of(key := self._key())
        first = self._random.randrange(0, 2000)
        headers = {"Range": f"bytes={first}-{first + self._random.randrange(1, 4000)}"}
        answer = await self._ask(session, "range", "get_object", _named(key), headers=headers)
        found = _RANGE.match(answer.headers.get("Content-Range", ""))
        if answer.status == 206 and found is not None:
            shown = (int(found[1]), int(found[3]), answer.body)
            self.model.see_range("range", moment, answer.etag, shown)
        elif answer.status != 416:
            self._unread("range", moment, answer)

    def _unread(self, kind: str, moment: Moment, answer: Answer) -> None:
        if answer.status == 404:
            self.model.see_missing(kind, moment)
        else:
            self.model.fault(f"{kind}: refused", moment.key, answer.status)

    async def _list(self, session: aiohttp.ClientSession) -> None:
        bucket = self._random.choice(list(self._files))
        prefix = f"s{self._random.randrange(10)}/"
        moments = {
            key.name: Moment.of(key)
            for key in self.model.live[bucket]
            if key.name.startswith(prefix)
        }
        parameters = {"Bucket": bucket, "Prefix": prefix}
        answer = await self._ask(session, "LIST", "list_objects_v2", parameters)
        if answer.status != 200:
            self.model.faults[f"LIST: refused with {answer.status}"] += 1
            return
        shown = entries(answer.body)
        for name, moment in moments.items():
            if name in shown:
                self.model.see("LIST", moment, *shown[name])
            elif moment.is_undisturbed:
                self.model.see_missing("LIST", moment)

    async def _abort_put(self, session: aiohttp.ClientSession) -> None:
        """Break an upload off in the middle: nothing of it may be stored."""
        del session  # the connection must not be reused
        key = self._key()
        body = self._random.choice([file for file in self._files[key.bucket] if file])
        _, url = signed(self._random.choice(self._clients), "put_object", _named(key))
        head = f"PUT {url.raw_path_qs} HTTP/1.1\r\nHost: {url.authority}\r\n"
        sent = self._random.randrange(len(body))
        try:
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:sent])
            await writer.drain()
        except OSError as error:
            raise Broken("no gateway") from error
        writer.transport.abort()
        self.tally.outcomes["PUT aborted", "gone"] += 1

    async def _abort_get(self, session: aiohttp.ClientSession) -> None:
        """Leave a download in the middle."""
        url = signed(self._random.choice(self._clients), "get_object", _named(self._key()))[1]
        try:
            async with session.get(url) as response:
                await response.content.read(100)
                response.close()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Broken(type(error).__name__) from error
        self.tally.outcomes["GET aborted", "gone"] += 1


def _named(key: Key) -> dict[str, object]:
    return {"Bucket": key.bucket, "Key": key.name}
