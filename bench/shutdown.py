"""Stop a gateway under load and count the outcomes of requests: ``python -m bench.shutdown``.

A request is *answered* if its response is complete and right, *slowed* if that is 503 SlowDown,
*refused* if it got no connection, *dropped* if the connection ended before any response, and
*broken* if the response is wrong or incomplete.
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
_PAUSE_S: Final = 0.02  # between pieces, so that transfers are in flight at the signal
_EXPIRES_S: Final = 3600
_TIMEOUT_S: Final = 120.0


class Task(NamedTuple):
    """One kind of request.

    Attributes:
        name: name for people.
        method: HTTP method.
        url: returns the presigned URL of a request by number.
        body: body, if any.
        right: returns whether a response is right.
        slow: the client sends or reads slowly.
    """

    name: str
    method: str
    url: Callable[[int], str]
    body: bytes | None
    right: Callable[[bytes], bool]
    slow: bool = False


class Ending(NamedTuple):
    """Result of a shutdown.

    Attributes:
        before: requests that started before the signal, by kind and outcome.
        after: requests that started later, by kind and outcome.
        seconds: time from the signal to the end of the process.
        exit_code: exit code of the process.
        stored: every answered upload is in the store.
    """

    before: Counter[tuple[str, str]]
    after: Counter[tuple[str, str]]
    seconds: float
    exit_code: int
    stored: bool

    def sum(self, outcome: str) -> int:
        """Return the number of requests with an outcome, whenever they started."""
        both = itertools.chain(self.before.items(), self.after.items())
        return sum(count for (_, which), count in both if which == outcome)


class Load:
    """Concurrent requests of all kinds.

    Args:
        tasks: kinds of requests, repeated.
        each: number of clients per kind.
        keep: clients reuse their connections.
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
        """Send requests until the gateway is gone.

        Args:
            enough: called once every client was answered at least once and `seconds` have passed.
            seconds: minimum duration before `enough`.
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
    """Prepare objects and requests; keys of uploads end in the number of the request."""
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
        store: store behind the gateway.
        process: gateway; has exited afterwards.
        each: clients of each of five kinds.
        seconds: duration of load before the signal, once all clients were answered.
        keep: clients reuse their connections.
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
    """Run the command line; return 0 if no request was broken and no upload lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.shutdown", description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--each", type=int, default=6, help="clients of each kind (default 6)")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="duration of load, seconds (default 5)"
    )
    parser.add_argument("--keep-alive", action="store_true", help="reuse connections")
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
    for title, counts in (("started before SIGTERM", ending.before), ("later", ending.after)):
        for name in sorted({name for name, _ in counts}):
            said = "  ".join(f"{counts[name, which]:6,} {which}" for which in outcomes)
            lines.append(f"  {title:22}{name:12}{said}")
    kept = "yes" if ending.stored else "NO"
    lines.append(f"  exit code {ending.exit_code} after {ending.seconds:.1f} s")
    lines.append(f"  every answered upload is stored: {kept}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
