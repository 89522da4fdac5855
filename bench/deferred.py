"""Measure how long a PUT takes that is optimized later: ``python -m bench.deferred``.

A photograph of 12 megapixels is sent to the store itself and through gateways, in turns: under a
policy with ``when: deferred``, once while the queue rests and once while it works, under one
without, and, for comparison, to a bucket without a policy.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image

from bench.client import Call, Client
from bench.stats import Comparison, compare, interleave
from bench.testbed import Store, moto_store, photo
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.gateway import GatewayProcess

_SIZE: Final = (4000, 3000)
_QUALITY: Final = 90
_RESTING: Final = {"images_per_minute": 1}
_AT_WORK: Final[dict[str, int]] = {}
_ROWS: Final = (
    (_RESTING, {"no policy": "plain", "deferred, queue resting": "later", "at upload": "now"}),
    (_AT_WORK, {"deferred, queue at work": "later"}),
)
"""Settings of gateways, and their rows: names and buckets."""

_AT_UPLOAD: Final = 3
"""Most PUTs that wait for their rendition."""


def main() -> int:
    """Print a table.

    Returns:
        0; 1 if Ceph is asked for, and missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.deferred", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15, help="PUTs of each kind")
    parser.add_argument("--store", choices=["moto", "rgw"], default="moto")
    options = parser.parse_args()
    if options.store == "rgw" and missing_programs():
        sys.stderr.write("Ceph is missing: install it.\n")
        return 1
    data = _photograph()
    sys.stdout.write(f"PUT of a JPEG of 12 megapixels, {len(data):,} bytes, to {options.store}\n")
    sys.stdout.write(f"{'way':<26}{'direct':>9}{'gateway':>9}   time, and of direct (quartiles)\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sl-", dir="/tmp")))
        store = stack.enter_context(_store(options.store, folder))
        for number, (deferred, rows) in enumerate(_ROWS):
            with _clients(store, folder / f"{number}", deferred) as (direct, gateway):
                for name, bucket in rows.items():
                    most = _AT_UPLOAD if bucket == "now" else options.repetitions
                    repetitions = min(most, options.repetitions)
                    calls = {
                        "direct": _puts(direct, "bench-direct", repetitions, data),
                        "gateway": _puts(gateway, f"bench-{bucket}", repetitions, data),
                    }
                    _write(compare("PUT", name, interleave(calls, repetitions)))
    return 0


def _puts(client: Client, bucket: str, repetitions: int, data: bytes) -> Call:
    """Return a function that uploads to another key each time."""
    keys = [f"{token_hex(8)}.jpg" for _ in range(repetitions + 1)]
    calls = iter([client.put(bucket, key, data) for key in keys])

    def put_next() -> float:
        return next(calls)()

    return put_next


def _write(found: Comparison) -> None:
    low, high = sorted(1 / ratio for ratio in found.spread)
    sys.stdout.write(
        f"{found.where:<26}{found.direct:>6.0f} ms{found.gateway:>6.0f} ms   "
        f"{1 / found.ratio:.2f} ({low:.2f} to {high:.2f})\n"
    )
    sys.stdout.flush()


def _photograph() -> bytes:
    """Return a JPEG of soft colours and grain, as large as those of cameras."""
    with Image.open(io.BytesIO(photo(0, side=1000, corners=200))) as small:
        image = small.convert("RGB").resize(_SIZE, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


@contextmanager
def _store(kind: str, folder: Path) -> Iterator[Store]:
    if kind == "moto":
        with moto_store() as store:
            yield store
        return
    with rgw_server(folder) as server:
        yield Store(server.endpoint, server.main.access, server.main.secret)


@contextmanager
def _clients(
    store: Store, folder: Path, deferred: dict[str, int]
) -> Iterator[tuple[Client, Client]]:
    """Run a gateway, and yield clients of the store and of the gateway."""
    folder.mkdir()
    settings = {
        "listen": "127.0.0.1:0",
        "upstream": {"endpoint": store.endpoint, "region": store.region},
        "credentials": [{"access_key": store.access_key, "secret_key": store.secret_key}],
        "index": {"kind": "memory"},
        "deferred": deferred,
        "policies": [
            {"name": "later", "bucket": "bench-later", "mode": "optimize", "when": "deferred"},
            {"name": "now", "bucket": "bench-now", "mode": "optimize"},
        ],
    }
    who = (store.access_key, store.secret_key, store.region)
    with (
        GatewayProcess(settings, folder) as process,
        Client(process.endpoint, *who) as gateway,
        Client(store.endpoint, *who) as direct,
    ):
        for name in ("direct", "plain", "later", "now"):
            direct.s3.create_bucket(Bucket=f"bench-{name}")
        yield direct, gateway


if __name__ == "__main__":
    sys.exit(main())
