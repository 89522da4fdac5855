"""Drive a library in another process; see ``drivers/loop.py`` for the words they exchange."""

import base64
import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.clients.client import ROOT, environment
from tests.servers.server import S3Server

_TIMEOUT_S: Final = 120.0


class Driver:
    """Run a library's driver from ``with`` to the end of its block: a :class:`Reader`.

    Args:
        command: What runs it; endpoint and keys are appended.
        server: Whom it talks to.
        home: A folder for whatever it leaves behind.
    """

    def __init__(self, command: Sequence[str], server: S3Server, home: Path) -> None:
        self._command = [*command, server.endpoint, server.main.access, server.main.secret]
        self._env = environment(home)
        self._complaints = home / "stderr"

    def __enter__(self) -> Self:
        with self._complaints.open("wb") as complaints:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
            )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.kill()

    def do(self, what: str, **arguments: object) -> Any:
        """Run an operation and return its result.

        Raises:
            AssertionError: The library failed; with its traceback.
        """
        order = json.dumps({"do": what, "with": arguments}, default=str)
        answer = json.loads(self._exchange(order) or json.dumps({"error": self._last_words()}))
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def fetch(self, what: str, **arguments: object) -> bytes:
        """Have something done whose result are bytes."""
        return base64.b64decode(self.do(what, **arguments))

    def put(self, file: Path, bucket: str, key: str) -> None:
        """Upload a file."""
        self.do("put", file=file, bucket=bucket, key=key)

    def get(self, bucket: str, key: str, file: Path) -> None:
        """Download an object."""
        self.do("get", bucket=bucket, key=key, file=file)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read the bytes from ``start`` to before ``stop``."""
        return self.fetch("read", bucket=bucket, key=key, start=start, stop=stop)

    def sizes(self, bucket: str) -> dict[str, int]:
        """List all keys with the sizes in bytes."""
        found: dict[str, int] = self.do("sizes", bucket=bucket)
        return found

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy an object within its bucket."""
        self.do("copy", bucket=bucket, source=source, target=target)

    def rename(self, bucket: str, source: str, target: str) -> None:
        """Copy an object and delete the first one."""
        self.copy(bucket, source, target)
        self.delete(bucket, source)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self.do("delete", bucket=bucket, key=key)

    def _exchange(self, line: str) -> str:
        send, receive = self._process.stdin, self._process.stdout
        assert send is not None
        assert receive is not None
        too_long = threading.Timer(_TIMEOUT_S, self._process.kill)
        too_long.start()
        try:
            send.write(line + "\n")
            send.flush()
            return receive.readline()
        finally:
            too_long.cancel()

    def _last_words(self) -> str:
        return f"the driver has ended: {self._complaints.read_text(errors='replace')}"
