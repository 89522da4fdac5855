"""The report of an evaluation, from what its shards recorded."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from slimgate.config import Policy
from slimgate.eval.compare import rows
from slimgate.eval.compare.rows import Corpus, Study
from slimgate.eval.compare.strategies import POLICY
from slimgate.eval.corpus.corpus import MAX_IMAGES
from slimgate.eval.cost.money_prices import Prices
from slimgate.eval.report import report
from slimgate.eval.report.summary import Summary
from slimgate.eval.run import machine
from slimgate.gateway.jobs.opened_job import Job
from slimgate.gateway.jobs.report import objects
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.rounds import Round


@dataclass(frozen=True, slots=True)
class Form:
    """What a report looks like.

    Attributes:
        folder: Destination.
        auto: Classes are detected; otherwise they are folders below the prefix of the job.
        prices: Price list.
        force: Remove earlier results.
    """

    folder: Path
    auto: bool
    prices: Prices
    force: bool


@dataclass(slots=True)
class _Collected:
    """Rows of all images, and what measuring them took."""

    images: dict[str, list[rows.Row]] = field(default_factory=dict)
    cpu_s: float = 0.0
    peak_bytes: int = 0
    processors: set[str] = field(default_factory=set)


async def write(
    job: Job, parts: Sequence[Round], policy: Policy, form: Form
) -> tuple[Study, Summary]:
    """Write the report of an evaluation.

    Args:
        job: The job.
        parts: Rounds of the action.
        policy: Policy that was measured.
        form: What the report looks like.

    Raises:
        UsageError: Nothing was measured yet, or under another policy, or too much.
        BadOutput, OSError: The folder is not usable.
        Damaged, Denied, S3Error: The state of the job cannot be read.
    """
    found = await _collected(objects(parts), policy)
    if not found.images:
        raise UsageError("no image was measured yet: run the job with --do eval")
    measured = [row for each in found.images.values() for row in _named(each, job, form.auto)]
    study = Study(
        corpus=_corpus(job, measured),
        policy=policy.model_dump(mode="json"),
        floor=policy.floor.model_dump(),
        seed=0,
        versions=machine.versions(),
        machine={"processor": ", ".join(sorted(found.processors))},
        started=job.file.created.isoformat(timespec="seconds"),
        cpu_seconds=found.cpu_s,
        peak_bytes=found.peak_bytes,
        rows=rows.ordered(measured),
    )
    return study, report.of_rows(study, form.folder, form.prices, force=form.force)


async def _collected(lines: AsyncIterator[str], policy: Policy) -> _Collected:
    """Collect the rows of all images; of several attempts the last one counts.

    Raises:
        UsageError: They are of another policy, or too many.
    """
    found = _Collected()
    async for line in lines:
        detail = json.loads(line)["detail"]
        if "rows" not in detail:
            continue
        if detail["policy"] != policy.digest:
            raise UsageError(
                f"images were measured under another policy than {policy.name} as it is now: name "
                "it with --policy, or evaluate with a new job"
            )
        try:
            _collect(found, detail)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Damaged("a progress object has a measurement that cannot be read") from error
        if len(found.images) > MAX_IMAGES:
            raise UsageError(f"a report has at most {MAX_IMAGES:,} images: plan a sample")
    return found


def _collect(found: _Collected, detail: Mapping[str, Any]) -> None:
    made = [rows.Row.of(each) for each in detail["rows"]]
    found.images[made[0].image] = made
    found.cpu_s += detail["cpu_s"]
    found.peak_bytes = max(found.peak_bytes, detail["peak_bytes"])
    found.processors.add(detail["processor"])


def _named(image: Iterable[rows.Row], job: Job, auto: bool) -> Iterable[rows.Row]:
    """Return the rows of an image with its name below the prefix, and its class."""
    folder = job.file.prefix[: job.file.prefix.rfind("/") + 1]
    for row in image:
        name = row.image.removeprefix(folder)
        kind, found, _ = name.partition("/")
        yield replace(row, image=name, kind=row.kind if auto else kind if found else "")


def _corpus(job: Job, measured: Sequence[rows.Row]) -> Corpus:
    own = [row for row in measured if row.strategy == POLICY]
    classes: dict[str, int] = {}
    for row in own:
        classes[row.kind] = classes.get(row.kind, 0) + 1
    location = f"s3://{job.file.bucket}/{job.file.prefix}"
    return Corpus(location, job.file.rows, len(own), dict(sorted(classes.items())), job.file.bytes)
