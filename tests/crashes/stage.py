"""The setting of crash tests: a store, connections cut off from it, and checks afterwards."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.proxy import Proxy, proxied
from tests.servers.server import S3Server
from tests.servers.tool import Tool

FILES: Final[Mapping[str, bytes]] = {
    f"{index}.jpg": images.jpeg(144 + 16 * index, 128) for index in range(3)
}
"""What the tools work on."""


class Broken(AssertionError):
    """An object is neither as it was nor completely new."""


@dataclass
class Stage:
    """A store with a gateway that nothing happens to, and a way to it that can be cut.

    Attributes:
        store: The store itself.
        direct: Client of the store.
        reader: Client of the gateway that nothing happens to.
        proxy: The way that can be cut.
        shown: The store as it is seen that way.
        tool: The tools, on that way.
        directory: For files.
        victim: A gateway on that way.
        victim_client: Its client.
        traffic: How many bytes pass that way for what, when nothing happens.
    """

    store: S3Server
    direct: Any
    reader: Any
    proxy: Proxy
    shown: S3Server
    tool: Tool
    directory: Path
    victim: GatewayProcess
    victim_client: Any
    traffic: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def bucket(self) -> str:
        """Make a bucket whose images are stored small."""
        name = f"photos-crash-{next(self._numbers)}"
        self.direct.create_bucket(Bucket=name)
        return name

    def file(self) -> Path:
        """Name a file that is not there yet."""
        return self.directory / f"log-{next(self._numbers)}"

    def is_odd(self) -> bool:
        """Say yes every other time, more or less."""
        return next(self._numbers) % 2 == 1

    def sizes(self, bucket: str) -> dict[str, int]:
        """Return what the store holds, by key."""
        listed = self.direct.list_objects_v2(Bucket=bucket)["Contents"]
        return {entry["Key"]: entry["Size"] for entry in listed}

    @contextmanager
    def gateway(self) -> Iterator[tuple[GatewayProcess, Any]]:
        """Run another gateway on the way that can be cut, with its client."""
        folder = self.file()
        folder.mkdir()
        with _gateway(self.store, self.shown, folder) as running:
            yield running

    def served(self, bucket: str, key: str) -> tuple[bytes, str]:
        """Return an object as clients see it: its bytes, and its note of its writer.

        Raises:
            Broken: What is said of it is not true of it, or a rendition has lost its manifest.
        """
        got = self.reader.get_object(Bucket=bucket, Key=key)
        body: bytes = got["Body"].read()
        head = self.reader.head_object(Bucket=bucket, Key=key)
        if (head["ETag"], head["ContentLength"]) != (got["ETag"], len(body)):
            raise Broken(f"{key}: HEAD and GET differ")
        if got["ContentType"] != "image/jpeg":
            raise Broken(f"{key}: served as {got['ContentType']}")
        return body, got["Metadata"]["by"]

    def put(self, client: Any, bucket: str, key: str, body: bytes, by: str) -> None:
        """Store an object with a note of its writer."""
        client.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg", Metadata={"by": by}
        )


def same_image(upload: bytes, served: bytes) -> bool:
    """Return whether a file is the upload, or was restored from its rendition."""
    if upload == served:
        return True
    return (
        len(upload) == len(served)
        and images.opened(upload).size == images.opened(served).size
        and images.score(upload, served) >= images.FLOOR_SCORE
    )


@contextmanager
def _gateway(
    store: S3Server, shown: S3Server, directory: Path
) -> Iterator[tuple[GatewayProcess, Any]]:
    config = {**configuration(shown), "engine": {"workers": 1}, "cache": {"max_bytes": 0}}
    with (
        GatewayProcess(config, directory) as process,
        s3_client(store.at(process.endpoint)) as client,
    ):
        yield process, client


@contextmanager
def stage(store: S3Server, directory: Path) -> Iterator[Stage]:
    """Set everything up for a while."""
    with ExitStack() as stack:
        for name in ("reader", "victim"):
            (directory / name).mkdir()
        _, reader = stack.enter_context(_gateway(store, store, directory / "reader"))
        proxy, shown = stack.enter_context(proxied(store))
        victim, client = stack.enter_context(_gateway(store, shown, directory / "victim"))
        yield Stage(
            store=store,
            direct=stack.enter_context(s3_client(store)),
            reader=reader,
            proxy=proxy,
            shown=shown,
            tool=Tool({**configuration(shown), "engine": {"workers": 1}}, directory),
            directory=directory,
            victim=victim,
            victim_client=client,
        )
