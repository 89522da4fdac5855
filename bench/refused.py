"""Download healthy objects while large uploads are refused: ``python -m bench.refused``.

Every upload is tried completely and refused, because its policy demands more saving than any
rendition has. Downloads may only be slower: any response other than 200 and 503 SlowDown is a
fault.
"""

import argparse
import hashlib
import itertools
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError
from tqdm import tqdm

from bench import mosaics
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

_BUCKET: Final = "photos-refused"
_IN_VAIN: Final = "in-vain/"
_ALLOWED: Final = frozenset({"200", "503 SlowDown"})
_TIMEOUT_S: Final = 300
_FLOOR: Final = {"psnr_db": 30, "ssim": 0.8, "orb": None, "block_psnr_db": None}


class Plan(NamedTuple):
    """Parameters of the load.

    Attributes:
        gets: number of GETs.
        connections: concurrent readers.
        healthy: megapixels of each object read, and its share of GETs in percent.
        uploads: megapixels of the refused uploads.
        engine: `engine` settings of the gateway.
    """

    gets: int = 1000
    connections: int = 2
    healthy: tuple[tuple[float, int], ...] = ((0.3, 60), (2, 25), (12, 11), (24, 2), (48, 2))
    uploads: tuple[float, ...] = (50, 55, 60)
    engine: Mapping[str, object] = MappingProxyType({})


@dataclass(slots=True)
class Report:
    """Counts of responses by kind, and why uploads stayed as they were."""

    gets: Counter[str] = field(default_factory=Counter)
    puts: Counter[str] = field(default_factory=Counter)
    tiers: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    not_restored: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> list[str]:
        """Return all faults; empty if there are none."""
        answers = {**self.gets, **{f"PUT {status}": n for status, n in self.puts.items()}}
        wrong = [name for name in answers if name.removeprefix("PUT ") not in _ALLOWED]
        return [f"{answers[name]} times {name}" for name in sorted(wrong)]

    def text(self) -> str:
        """Return the report as text."""
        lines = [f"stored: {', '.join(self.tiers)}"]
        for title, counts in (
            ("GET", self.gets), ("PUT", self.puts), ("refused", self.reasons),
            ("not restored", self.not_restored),
        ):  # fmt: skip
            lines += [f"{title:14} {name:60} {n:>6,}" for name, n in sorted(counts.items())]
        return "\n".join([*lines, *(self.faults or ["no 5xx but SlowDown"]), ""])


def run(store: S3Server, folder: Path, plan: Plan) -> Report:
    """Read from a gateway while uploads are refused.

    Args:
        store: store behind the gateway.
        folder: folder for its configuration.
        plan: parameters.
    """
    report = Report()
    with GatewayProcess(_configuration(store, plan), folder) as process:
        with s3_client(store) as direct:
            direct.create_bucket(Bucket=_BUCKET)
        gateway, pool = store.at(process.endpoint), plan.connections + 1
        with s3_client(gateway, read_timeout=_TIMEOUT_S, max_pool_connections=pool) as s3:
            _drive(s3, plan, report)
        for line in process.events("stored as uploaded"):
            report.reasons[line["reason"]] += 1
        for line in process.events("not restored"):
            report.not_restored[line["reason"]] += 1
    return report


def _configuration(store: S3Server, plan: Plan) -> dict[str, Any]:
    config = configuration(
        store,
        cache={"max_bytes": 0},
        engine=dict(plan.engine),
        policies=[
            {
                "name": "in-vain", "bucket": _BUCKET, "prefix": _IN_VAIN, "mode": "optimize",
                "effort": "fast", "tiers": ["recode"], "floor": dict(_FLOOR), "min_saving": 0.99,
                "limits": {"timeout_s": _TIMEOUT_S},
            },
            {
                "name": "healthy", "bucket": _BUCKET, "mode": "optimize", "effort": "fast",
                "tiers": ["recode"], "floor": dict(_FLOOR),
                "limits": {"timeout_s": _TIMEOUT_S},
            },
        ],
    )  # fmt: skip
    config["upstream"] = {"endpoint": store.endpoint}
    return config


def _drive(s3: Any, plan: Plan, report: Report) -> None:
    digests = {str(size): _put_healthy(s3, size, report) for size, _ in plan.healthy}
    large = [mosaics.jpeg(size) for size in plan.uploads]
    ended = threading.Event()
    with ThreadPoolExecutor(plan.connections + 1) as threads:
        uploading = threads.submit(_upload, s3, large, ended, report)
        try:
            keys = list(_keys(plan))
            asked = threads.map(lambda key: _get(s3, key, digests[key]), keys)
            report.gets.update(tqdm(asked, total=len(keys), unit="GET", disable=None))
        finally:
            ended.set()
        uploading.result()


def _put_healthy(s3: Any, size: float, report: Report) -> str:
    """Store an object; return the digest of its GET while the gateway is idle."""
    s3.put_object(Bucket=_BUCKET, Key=str(size), Body=mosaics.jpeg(size))
    answer = s3.get_object(Bucket=_BUCKET, Key=str(size))
    sent = answer["ResponseMetadata"]["HTTPHeaders"]
    report.tiers.append(f"{size:g} MP {sent.get('x-slimgate-tier', 'plain')}")
    return hashlib.sha256(answer["Body"].read()).hexdigest()


def _keys(plan: Plan) -> Iterator[str]:
    """Yield keys, spreading sizes evenly over all GETs."""
    turns = [
        ((turn + 0.5) / share, str(size)) for size, share in plan.healthy for turn in range(share)
    ]
    return itertools.islice(itertools.cycle(key for _, key in sorted(turns)), plan.gets)


def _get(s3: Any, key: str, digest: str) -> str:
    try:
        body = s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read()
    except ClientError as error:
        return " ".join(map(str, failure(error)))
    return "200" if digest == hashlib.sha256(body).hexdigest() else "200 with other bytes"


def _upload(s3: Any, large: list[bytes], ended: threading.Event, report: Report) -> None:
    for number in itertools.count():
        try:
            s3.put_object(Bucket=_BUCKET, Key=f"{_IN_VAIN}x", Body=large[number % len(large)])
            report.puts["200"] += 1
        except ClientError as error:
            report.puts[" ".join(map(str, failure(error)))] += 1
        if ended.is_set():
            return


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a response was neither 200 nor SlowDown.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.refused", description=__doc__)
    parser.add_argument("--gets", type=int, default=Plan().gets, help="default %(default)s")
    parser.add_argument("--workers", type=int, help="worker processes (default: one per core)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="refused-") as folder:
        (Path(folder) / "store").mkdir()
        with moto_server(Path(folder) / "store") as store:
            engine = {} if options.workers is None else {"workers": options.workers}
            report = run(store, Path(folder), Plan(gets=options.gets, engine=engine))
    sys.stdout.write(report.text())
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
