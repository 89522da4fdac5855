"""Rotate a role's credentials under load: ``python -m bench.role_rotation``.

The gateway assumes a role by web identity. The store refuses credentials from the second in which
they expire, and STS refuses web tokens once another one is in the file. No client may notice.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e import images
from tests.e2e.operators import Counts, counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import Keys, S3Server

_APP: Final = Keys("app", "app-secret")
_PLAIN: Final = b"plain" * 40_000
_BUCKET: Final = "photos-rotation"


class Load:
    """Requests of several clients, and what came of them."""

    def __init__(self, server: S3Server, until: float) -> None:
        self._server = server
        self._until = until
        self._lock = threading.Lock()
        self.seconds: dict[str, list[float]] = {}
        self.failures: Counter[str] = Counter()

    def run(self, clients: int) -> None:
        """Send requests until the end, without retries."""
        with ThreadPoolExecutor(clients) as pool:
            for each in [pool.submit(self._client, number) for number in range(clients)]:
                each.result()

    def _client(self, number: int) -> None:
        image, key = images.jpeg(160 + 8 * number, 120), f"{number}"
        with s3_client(self._server, _APP) as s3:
            steps: tuple[tuple[str, Callable[[], Any]], ...] = (
                ("PUT image", lambda: s3.put_object(Bucket=_BUCKET, Key=f"{key}.jpg", Body=image)),
                ("GET image", lambda: _read(s3, f"{key}.jpg", len(image))),
                ("PUT plain", lambda: s3.put_object(Bucket=_BUCKET, Key=key, Body=_PLAIN)),
                ("GET plain", lambda: _read(s3, key, len(_PLAIN))),
                ("LIST", lambda: s3.list_objects_v2(Bucket=_BUCKET)),
            )
            while time.monotonic() < self._until:
                for name, step in steps:
                    self._timed(name, step)

    def _timed(self, name: str, step: Callable[[], Any]) -> None:
        began = time.monotonic()
        try:
            step()
        except (BotoCoreError, ClientError, ValueError) as error:
            with self._lock:
                self.failures[f"{name}: {error}"[:200]] += 1
        with self._lock:
            self.seconds.setdefault(name, []).append(time.monotonic() - began)


def _read(s3: Any, key: str, size: int) -> None:
    """Read an object; raise ValueError if it has another size."""
    found = len(s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read())
    if found != size:
        raise ValueError(f"{found} bytes instead of {size}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a request failed, or credentials were not renewed.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.role_rotation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--lifetime", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument(
        "--break-sts", action="store_true", help="stop STS after one lifetime: requests must fail"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rotation-") as folder, _roles(folder) as roles:
        roles.lifetime_s = options.lifetime
        return _measure(roles, Path(folder), options)


@contextmanager
def _roles(folder: str) -> Iterator[RoleStore]:
    with moto_server(Path(folder)) as moto, role_store(moto) as (store, _):
        yield store


def _measure(roles: RoleStore, folder: Path, options: argparse.Namespace) -> int:
    rotation = _Rotation(roles, folder / "web-token", options.lifetime, breaks=options.break_sts)
    rotation.rotate()
    with GatewayProcess(_configuration(roles, rotation.file), folder) as process:
        server = S3Server(process.endpoint, (_APP,))
        with s3_client(server, _APP) as s3:
            s3.create_bucket(Bucket=_BUCKET)
        load = Load(server, time.monotonic() + 60 * options.minutes)
        with rotation:
            load.run(options.clients)
        found = counts(process)
    sys.stdout.write(_report(load, found, roles))
    renewed = _refreshes(found, "ok")
    return 1 if load.failures or renewed < 60 * options.minutes / options.lifetime else 0


def _configuration(roles: RoleStore, token: Path) -> Mapping[str, Any]:
    upstream = {"role_arn": ROLE, "web_identity_token_file": str(token)}
    client = {"access_key": _APP.access, "secret_key": _APP.secret, "upstream": upstream}
    return {
        **configuration(S3Server(roles.endpoint)),
        "upstream": {"endpoint": roles.endpoint, "sts_endpoint": roles.endpoint},
        "credentials": [client],
        "admin": {"listen": "127.0.0.1:0"},
    }


class _Rotation:
    """Replaces the web token again and again, for the duration of a ``with`` block."""

    def __init__(self, roles: RoleStore, file: Path, every_s: float, *, breaks: bool) -> None:
        self._roles = roles
        self._every_s = every_s
        self._breaks = breaks
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._number = 0
        self.file = file

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def rotate(self) -> None:
        """Put another token into the file; the old one does not count any more."""
        self._number += 1
        token = f"web-token-{self._number}"
        self._roles.web_tokens |= {token}
        new = self.file.with_suffix(".new")
        new.write_text(token)
        new.replace(self.file)
        self._roles.web_tokens = {token}

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self.rotate()
            self._roles.works = not self._breaks


def _refreshes(found: Counts, outcome: str) -> float:
    name = "upstream_credentials_refreshes_total"
    return counted(found, name, source=f"role {ROLE}", outcome=outcome)


def _report(load: Load, found: Counts, roles: RoleStore) -> str:
    lines = ["request      count   p50 ms   p99 ms"]
    for name, seconds in load.seconds.items():
        cuts = quantiles(seconds, n=100, method="inclusive")
        lines.append(f"{name:<10}{len(seconds):>8}{1e3 * cuts[49]:>9.1f}{1e3 * cuts[98]:>9.1f}")
    total = sum(map(len, load.seconds.values()))
    lines.append(
        f"{total} requests, {sum(load.failures.values())} failed; "
        f"{len(roles.checked)} to the store, refused there: {dict(Counter(roles.refusals))}"
    )
    lines.append(
        f"{_refreshes(found, 'ok'):.0f} refreshes, {_refreshes(found, 'failed'):.0f} failed "
        f"attempts, {len(roles.issued)} credentials issued"
    )
    lines += [f"{count} x {text}" for text, count in load.failures.most_common(5)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
