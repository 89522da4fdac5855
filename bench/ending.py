"""Stop a gateway under load and see what becomes of requests: ``python -m bench.ending``.

A request is *answered* when its whole answer came and is right, *slowed* when that was 503
SlowDown, *refused* when no connection was made for it, *dropped* when its connection ended before
any of the answer came, and *broken* when the answer is wrong or only a part of it came.
"""

import argparse
import asyncio
import itertools
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
from yarl import URL

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

_LARGE: Final = bytes(range(256)) * (32 << 10)  # 8 MiB
_PIECE: Final = 1 << 18
_PAUSE_S: Final = 0.02  # between pieces, so that transfers are in flight when the signal comes
_EXPIRES_S: Final = 3600
_TIMEOUT_S: Final = 120.0


class Task(NamedTuple):
    """One kind of request.

    Attributes:
        name: For people.
        method: Of HTTP.
        url: Presigned, by the number of the request.
        body: What is sent, if anything.
        right: Tells whether an answer is right.
        slow: Whether the client takes its time to send or to read.
    """

    name: str
    method: str
    url: Callable[[int], str]
    body: bytes | None
    right: Callable[[bytes], bool]
    slow: bool = False


class Ending(NamedTuple):
    """What came of it.

    Attributes:
        before: Requests by kind and outcome, of those that began before the signal.
        after: The same of those that began later.
        seconds: From the signal to the end of the process.
        exit_code: Of the process.
        stored: Whether every upload that was answered is in the store.
    """

    before: Counter[tuple[str, str]]
    after: Counter[tuple[str, str]]
    seconds: float
    exit_code: int
    stored: bool

    def sum(self, outcome: str) -> int:
        """Count the requests with an outcome, whenever they began."""
        both = itertools.chain(self.before.items(), self.after.items())
        return sum(count for (_, which), count in both if which == outcome)


class Load:
    """Requests of all kinds at the same time.

    Args:
        tasks: What is asked for, over and over.
        each: How many clients there are of each kind.
        keep: Whether clients use their connections again.
    """

    def __init__(self, tasks: tuple[Task, ...], each: int, *, keep: bool) -> None:
        self._tasks = tasks
        self._each = each
        self._keep = keep
        self.answered: dict[str, list[int]] = {task.name: [] for task in tasks}
        self.counts = {False: Counter[tuple[str, str]](), True: Counter[tuple[str, str]]()}
        self.signalled = False
        self._warm = asyncio.Event()
        self._clients = 0

    async def run(self, enough: Callable[[], None], seconds: float) -> None:
        """Ask until nobody answers.

        Args:
            enough: Called when every client has been answered at least once, and so many seconds
                have passed.
            seconds: How many.
        """
        connector = aiohttp.TCPConnector(limit=0, force_close=not self._keep)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            clients = [
                asyncio.create_task(self._client(session, task, first))
                for task in self._tasks
                for first in range(self._each)
            ]
            self._clients = len(clients)
            await asyncio.wait_for(self._warm.wait(), _TIMEOUT_S)
            await asyncio.sleep(seconds)
            self.signalled = True
            enough()
            await asyncio.gather(*clients)

    async def _client(self, session: aiohttp.ClientSession, task: Task, first: int) -> None:
        for number in itertools.count(first, self._each):
            later = self.signalled
            outcome = await self._outcome(session, task, number)
            self.counts[later][task.name, outcome] += 1
            if outcome == "answered":
                self.answered[task.name].append(number)
            if number == first:
                self._clients -= 1
                if not self._clients:
                    self._warm.set()
            if self.signalled and outcome not in {"answered", "slowed"}:
                return

    async def _outcome(self, session: aiohttp.ClientSession, task: Task, number: int) -> str:
        body = _slowly(task.body) if task.slow and task.body else task.body
        headers = {"Content-Length": str(len(task.body))} if task.body else {}
        url = URL(task.url(number), encoded=True)
        begun = False
        try:
            async with session.request(task.method, url, data=body, headers=headers) as response:
                begun = True
                data = bytearray()
                async for piece in response.content.iter_chunked(_PIECE):
                    data += piece
                    if task.slow:
                        await asyncio.sleep(_PAUSE_S)
        except aiohttp.ClientConnectorError:
            return "refused"
        except (aiohttp.ClientError, ConnectionError):
            return "broken" if begun else "dropped"
        if response.status == 503 and b"<Code>SlowDown</Code>" in data:
            return "slowed"
        return "answered" if response.status == 200 and task.right(bytes(data)) else "broken"


async def _slowly(body: bytes) -> Any:
    for at in range(0, len(body), _PIECE):
        yield body[at : at + _PIECE]
        await asyncio.sleep(_PAUSE_S)


@contextmanager
def _tasks(store: S3Server, endpoint: str, buckets: tuple[str, str]) -> Iterator[tuple[Task, ...]]:
    """Prepare objects and requests; the keys of uploads end in the number of the request."""
    photos, plain = buckets
    photo = images.jpeg()
    with s3_client(store.at(endpoint)) as client:
        client.put_object(Bucket=photos, Key="photo.jpg", Body=photo)
        client.put_object(Bucket=plain, Key="large", Body=_LARGE)
        shown = client.get_object(Bucket=photos, Key="photo.jpg")["Body"].read()

        def signed(operation: str, bucket: str, **parameters: str) -> Callable[[int], str]:
            def url(number: int) -> str:
                filled = {name: text.format(number) for name, text in parameters.items()}
                made: str = client.generate_presigned_url(
                    operation, {"Bucket": bucket, **filled}, ExpiresIn=_EXPIRES_S
                )
                return made

            return url

        yield (
            Task("PUT image", "PUT", signed("put_object", photos, Key="image-{}"), photo, _empty),
            Task("GET image", "GET", signed("get_object", photos, Key="photo.jpg"), None,
                 lambda data: data == shown),
            Task("PUT 8 MiB", "PUT", signed("put_object", plain, Key="large-{}"), _LARGE, _empty,
                 slow=True),
            Task("GET 8 MiB", "GET", signed("get_object", plain, Key="large"), None,
                 lambda data: data == _LARGE, slow=True),
            Task("LIST", "GET", signed("list_objects_v2", photos), None,
                 lambda data: data.endswith(b"</ListBucketResult>") and b"photo.jpg" in data),
        )  # fmt: skip


def _empty(data: bytes) -> bool:
    return data == b""


def end(
    store: S3Server, process: GatewayProcess, *, each: int, seconds: float, keep: bool = False
) -> Ending:
    """Put a gateway under load, and send it SIGTERM.

    Args:
        store: What is behind it.
        process: The gateway; it has ended afterwards.
        each: Clients of each of five kinds.
        seconds: How long they ask before the signal, once all have been answered.
        keep: Whether clients use their connections again.
    """
    buckets = (f"photos-ending-{process.process.pid}", f"ending-{process.process.pid}")
    with s3_client(store) as direct:
        for bucket in buckets:
            direct.create_bucket(Bucket=bucket)
        with _tasks(store, process.endpoint, buckets) as tasks:
            load = Load(tasks, each, keep=keep)
            began = [0.0]

            def enough() -> None:
                began[0] = time.monotonic()
                process.process.send_signal(signal.SIGTERM)

            asyncio.run(load.run(enough, seconds))
            code = process.process.wait(_TIMEOUT_S)
            took_s = time.monotonic() - began[0]
        stored = _stored(direct, buckets)
    wanted = {f"image-{number}" for number in load.answered["PUT image"]}
    wanted |= {f"large-{number}" for number in load.answered["PUT 8 MiB"]}
    return Ending(load.counts[False], load.counts[True], took_s, code, wanted <= stored)


def _stored(direct: Any, buckets: tuple[str, ...]) -> set[str]:
    return {
        entry["Key"]
        for bucket in buckets
        for page in direct.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", ())
    }


def main() -> int:
    """Run the command line; 0 when nothing was broken or lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.ending", description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--each", type=int, default=6, help="clients of each kind (default 6)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load (default 5)")
    parser.add_argument("--keep-alive", action="store_true", help="use connections again")
    options = parser.parse_args()
    failed = False
    for processes in options.processes:
        with tempfile.TemporaryDirectory() as name, moto_server(Path(name)) as store:
            settings: Mapping[str, object] = {
                "processes": processes, "engine": {"workers": max(2, processes)},
            }  # fmt: skip
            with GatewayProcess({**configuration(store), **settings}, Path(name)) as process:
                ending = end(
                    store, process,
                    each=options.each, seconds=options.seconds, keep=options.keep_alive,
                )  # fmt: skip
        _write(processes, ending)
        failed |= bool(ending.sum("broken")) or not ending.stored or ending.exit_code != 0
    return int(failed)


def _write(processes: int, ending: Ending) -> None:
    outcomes = sorted({which for counts in ending[:2] for _, which in counts})
    lines = [f"processes: {processes}"]
    for title, counts in (("begun before SIGTERM", ending.before), ("later", ending.after)):
        for name in sorted({name for name, _ in counts}):
            said = "  ".join(f"{counts[name, which]:6,} {which}" for which in outcomes)
            lines.append(f"  {title:22}{name:12}{said}")
    kept = "yes" if ending.stored else "NO"
    lines.append(f"  exit code {ending.exit_code} after {ending.seconds:.1f} s")
    lines.append(f"  every upload that was answered is stored: {kept}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
