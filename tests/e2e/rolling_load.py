"""Clients that write images and read and list what they wrote, and check every response."""

import itertools
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_READS: Final = 2
_RETRIES: Final = {"mode": "legacy", "total_max_attempts": 5}  # boto3's defaults


@dataclass
class RollingLoad:
    """Clients of one bucket, from ``with`` to the end of its block.

    Each upload is read twice, and followed by a listing.

    Attributes:
        server: Whom they talk to.
        bucket: Its name.
        stored: Uploads that were answered, by key.
        errors: What failed, or was wrong.
    """

    server: S3Server
    bucket: str
    stored: dict[str, bytes] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._unread, self._unlisted = threading.Semaphore(0), threading.Semaphore(0)
        self._stack = ExitStack()
        self._client = self._stack.enter_context(s3_client(self.server, retries=_RETRIES))
        works = {"put": self._put, "get": self._get, "list": self._list}
        kinds = ("put", "put", "get", "get", "list")
        self._threads = [
            threading.Thread(target=self._repeat, args=(kind, works[kind], number))
            for number, kind in enumerate(kinds)
        ]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._unread.release(len(self._threads))
        self._unlisted.release(len(self._threads))
        for each in self._threads:
            each.join()
        self._stack.close()

    def check_all(self, client: Any) -> None:
        """Read everything that was stored once more, by a client that does not retry."""
        listed = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        sizes = {each["Key"]: each["Size"] for page in listed for each in page["Contents"]}
        assert sizes == _sizes(self.stored)
        for key in self.stored:
            self._check(client, key)

    def _repeat(self, kind: str, work: Callable[[int, int], None], thread: int) -> None:
        for number in itertools.count():
            if self._end.is_set():
                return
            try:
                work(thread, number)
            except (AssertionError, BotoCoreError, ClientError) as error:
                self.errors.append(f"{kind}: {error!r}")

    def _put(self, thread: int, number: int) -> None:
        key = f"{thread}/{number}"
        body = images.jpeg(160 + number % 40, 128 + number // 40) if number % 3 else key.encode()
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="image/jpeg")
        self.stored[key] = body
        self._unread.release(_READS)
        self._unlisted.release()

    def _get(self, thread: int, number: int) -> None:
        self._unread.acquire()
        if self.stored:
            key = random.Random(f"{thread} {number}").choice(list(self.stored))
            self._check(self._client, key)

    def _check(self, client: Any, key: str) -> None:
        answer = client.get_object(Bucket=self.bucket, Key=key)
        assert answer["Body"].read() == self.stored[key], key

    def _list(self, thread: int, number: int) -> None:
        del thread, number
        self._unlisted.acquire()
        before = _sizes(self.stored)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}
        assert before.items() <= found.items()


def _sizes(stored: Mapping[str, bytes]) -> dict[str, int]:
    return {key: len(body) for key, body in list(stored.items())}
