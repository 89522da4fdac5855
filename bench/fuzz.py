"""Mutate files of every kind and pass them through a gateway: ``python -m bench.fuzz --out FILE``.

Each file is uploaded (PUT, form, multipart upload or copy), read back whole and in part, and judged
by :mod:`bench.promises`. No worker may die, and no response may be an error of a server. ``FILE``
gets a JSON line per file, so an interrupted run continues; the same seed gives the same files.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError
from tqdm import tqdm

from bench import fuzz_uploads, journal, promises
from bench.fuzz_seeds import seeds
from bench.fuzz_uploads import UPLOADS
from bench.mutations import mutated
from slimgate.eval.demo.processes import end_in_order
from tests.e2e.operators import counted, counts
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

BUCKETS: Final = ("photos-fuzz", "plain-fuzz")
"""Where a policy is in force, and where none is."""

SCORE: Final = 70.0
"""SSIMULACRA2 score that the default policy demands."""

_UNCHANGED: Final = 0.05
_MOSTLY_PUT: Final = (8, 1, 1, 1)
_TIMEOUT_S: Final = 600
_COUNTED_EVERY: Final = 200  # files
_COUNTS: Final = ("crashes", "answers 5xx", "failed restores")
_BAD_OUTCOMES: Final = ("changed", "unavailable", "mismatch", "failed", "unreadable")


class Case(NamedTuple):
    """One file to upload.

    Attributes:
        number: position in the run.
        name: name of the file that was mutated, and of its mutations.
        upload: how it is uploaded.
        data: the file.
    """

    number: int
    name: str
    upload: str
    data: bytes


def batched(chosen: Iterable[Case], size: int) -> Iterator[list[Case]]:
    """Yield files in lists."""
    remaining = iter(chosen)
    while part := list(islice(remaining, size)):
        yield part


def cases(seed: int, numbers: Iterable[int]) -> Iterator[Case]:
    """Yield mutated files; each depends on seed and number alone."""
    files = sorted(seeds().items())
    for number in numbers:
        random = Random(f"{seed}/{number}")
        (name, data), (_, other) = random.choice(files), random.choice(files)
        names: list[str] = []
        if random.random() > _UNCHANGED:
            data, names = mutated(data, other, random)
        (way,) = random.choices(list(UPLOADS), _MOSTLY_PUT)
        yield Case(number, ", ".join([name, *names]), way, data)


def run(store: S3Server, folder: Path, chosen: Iterable[Case], jobs: int) -> Iterator[journal.Line]:
    """Pass files through a gateway; yield a line per file, and after many files one of counts.

    Args:
        store: store behind the gateway.
        folder: folder for its configuration.
        chosen: files.
        jobs: number of clients, and of workers.
    """
    policy = {"name": "fuzz", "bucket": BUCKETS[0], "mode": "optimize", "effort": "fast"}
    config = configuration(
        store,
        admin={"listen": "127.0.0.1:0"},
        engine={"workers": jobs},
        policies=[{**policy, "min_saving": 0.01, "limits": {"timeout_s": _TIMEOUT_S}}],
    )
    # A store that the machine is too busy for is no fault of the gateway.
    config["upstream"] |= {"connect_timeout_s": 60, "read_timeout_s": 300}
    with GatewayProcess(config, folder) as process, s3_client(store) as direct:
        for bucket in BUCKETS:
            direct.create_bucket(Bucket=bucket)
        gateway = store.at(process.endpoint)
        client = s3_client(gateway, read_timeout=_TIMEOUT_S, max_pool_connections=jobs)
        with client as s3, ThreadPoolExecutor(jobs) as threads:
            before = Counter[str]()
            for part in batched(chosen, _COUNTED_EVERY):
                yield from threads.map(lambda case: judged(s3, case), part)
                found = _counted(process)
                yield {name: found[name] - before[name] for name in _COUNTS}
                before = found


def judged(s3: Any, case: Case) -> journal.Line:
    """Upload a file, read it back, and delete it; return what became of it."""
    line: journal.Line = {"number": case.number, "name": case.name, "upload": case.upload}
    try:
        tier, served = _round_trip(s3, case)
    except ClientError as error:
        status, code = failure(error)
        return {**line, "tier": f"{status} {code}", "fault": code if status >= 500 else ""}
    except fuzz_uploads.Refused as error:
        return {**line, "tier": str(error), "fault": str(error) if error.status >= 500 else ""}
    return {**line, "tier": tier, "fault": promises.broken(case.data, served, tier, SCORE)}


def _round_trip(s3: Any, case: Case) -> tuple[str, bytes]:
    target = {"Bucket": BUCKETS[0], "Key": f"{case.number}"}
    UPLOADS[case.upload](s3, target, BUCKETS[1], case.data)
    got = s3.get_object(**target)
    served = got["Body"].read()
    tier = got["ResponseMetadata"]["HTTPHeaders"].get("x-slimgate-tier", "plain")
    middle = len(served) // 2
    if served:
        part = s3.get_object(**target, Range=f"bytes={middle}-", IfMatch=got["ETag"])
        if part["Body"].read() != served[middle:]:
            tier, served = "range", b""
    s3.delete_object(**target)
    return tier, served


def _counted(process: GatewayProcess) -> Counter[str]:
    """Return what a gateway has counted of its own faults."""
    found = counts(process)
    errors = [
        value
        for (name, labels), value in found.items()
        if name == "slimgate_requests_total" and dict(labels)["status"].startswith("5")
    ]
    outcomes = [counted(found, "restores_total", outcome=each) for each in _BAD_OUTCOMES]
    lost = counted(found, "workers_lost_total") + len(process.events("unexpected error"))
    values = (lost, sum(errors), sum(outcomes))
    return Counter({name: int(value) for name, value in zip(_COUNTS, values, strict=True)})


def report(lines: Iterable[journal.Line]) -> tuple[str, bool]:
    """Return a report as text, and whether every promise was kept."""
    found = list(lines)
    files = [line for line in found if "number" in line]
    ends = [line for line in found if "number" not in line]
    text = [f"{len(files):,} files"]
    for title, key in (("stored as", "tier"), ("uploaded by", "upload")):
        counted_by = Counter(line[key] for line in files).most_common()
        text.append(f"{title}: " + ", ".join(f"{name} {n:,}" for name, n in counted_by))
    faults = [line for line in files if line["fault"]]
    text += [f"{line['number']} ({line['name']}): {line['fault']}" for line in faults]
    totals = {name: sum(end[name] for end in ends) for name in _COUNTS}
    counted_faults = (f"{value} {name}" for name, value in totals.items())
    text.append(", ".join([*counted_faults, f"{len(faults)} broken promises"]))
    return "\n".join(text) + "\n", not (faults or any(totals.values()))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a promise was broken.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="lines; continued")
    parser.add_argument("--files", type=int, default=20_000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="clients and workers")
    options = parser.parse_args(arguments)
    end_in_order()
    done = {line["number"] for line in journal.lines(options.out) if "number" in line}
    todo = [number for number in range(options.files) if number not in done]
    journal.end_line(options.out)
    if todo:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, options.out.open("a") as out:
            _run(Path(folder), cases(options.seed, todo), options.jobs, tqdm(total=len(todo)), out)
    text, kept = report(journal.lines(options.out))
    sys.stdout.write(text)
    return 0 if kept else 1


def _run(folder: Path, chosen: Iterable[Case], jobs: int, bar: Any, out: Any) -> None:
    (folder / "store").mkdir()
    # The report says what an interrupted run has found so far.
    with suppress(KeyboardInterrupt), moto_server(folder / "store") as store, bar:
        for line in run(store, folder, chosen, jobs):
            out.write(json.dumps(line) + "\n")
            out.flush()
            bar.update()


if __name__ == "__main__":
    sys.exit(main())
