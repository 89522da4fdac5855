"""Create a report: from a corpus to a folder of results."""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from slimgate.config import Engine, Policy
from slimgate.eval.compare import recommendation
from slimgate.eval.compare.rows import COLUMNS, Study
from slimgate.eval.corpus import buckets, corpus
from slimgate.eval.corpus.corpus import Item
from slimgate.eval.corpus.sampling import sample
from slimgate.eval.cost import money_prices
from slimgate.eval.cost.money_prices import Prices
from slimgate.eval.report import page, summary
from slimgate.eval.report.summary import Summary
from slimgate.eval.run import journal, machine
from slimgate.eval.run.study_run import run_study
from slimgate.eval.run.work import Plan

CSV: Final = "results.csv"
POLICY_FILE: Final = "recommended-policy.yaml"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        location: folder, CSV file or ``s3://bucket/prefix``.
        folder: destination of results.
        policy: policy to measure.
        engine: engine of its restorer.
        auto: detect classes from images; otherwise classes are folders.
        kinds: classes to include; empty: all.
        count: maximum number of images; None: all.
        seed: seed of sampling and bootstrapping.
        force: remove earlier results.
        processes: number of processes.
        endpoint: endpoint of the bucket; None: the default.
        prices: price list.
    """

    location: str
    folder: Path
    policy: Policy
    engine: Engine
    auto: bool = False
    kinds: Sequence[str] = ()
    count: int | None = None
    seed: int = 0
    force: bool = False
    processes: int = 1
    endpoint: str | None = None
    prices: Prices = field(default_factory=money_prices.load)


def make(report_options: ReportOptions) -> tuple[Study, Summary]:
    """Measure the corpus, and write all results into the folder.

    Raises:
        BadCorpus: there is nothing to measure.
        BadOutput: the folder is not usable.
        OSError: writing failed.
    """
    items, taken = _items(report_options)
    study = Study(
        corpus=corpus.described(report_options.location, items, taken),
        policy=report_options.policy.model_dump(mode="json"),
        floor=report_options.policy.floor.model_dump(),
        seed=report_options.seed,
        versions=machine.versions(),
        machine=machine.machine(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with journal.opened(report_options.folder, study, force=report_options.force) as written:
        study, exhibits = run_study(
            study, taken, _plan(report_options), written, report_options.processes
        )
        summed = summary.summarize(study, report_options.prices)
        page.write(study, exhibits, report_options.folder, report_options.prices)
        _write(report_options.folder, study, summed)
    return study, summed


def of_rows(study: Study, folder: Path, prices: Prices, *, force: bool = False) -> Summary:
    """Write the report of a study that was measured elsewhere; it has no crops.

    Args:
        study: study with its rows.
        folder: destination of results.
        prices: price list.
        force: remove earlier results.

    Raises:
        BadOutput: the folder is not usable.
        OSError: writing failed.
    """
    with journal.opened(folder, study, force=force) as written:
        if not written.rows:
            written.add(study.rows)
        summed = summary.summarize(study, prices)
        page.write(study, [], folder, prices)
        _write(folder, study, summed)
    return summed


def _items(report_options: ReportOptions) -> tuple[list[Item], list[Item]]:
    """Return the images of the corpus, and the sample of them."""
    if report_options.location.startswith(buckets.SCHEME):
        items = buckets.read(report_options.location, buckets.client(report_options.endpoint))
    else:
        items = corpus.read(report_options.location)
    items = corpus.only(items, report_options.kinds)
    if report_options.auto:
        items = corpus.with_kinds(items, "")
    count = len(items) if report_options.count is None else report_options.count
    if count > len(items):
        print(
            f"The corpus has {len(items)} images, fewer than the sample: measuring all.",
            file=sys.stderr,
        )
    return items, sample(items, count, seed=report_options.seed)


def _plan(report_options: ReportOptions) -> Plan:
    bucket = None
    if report_options.location.startswith(buckets.SCHEME):
        bucket, _ = buckets.split(report_options.location)
    return Plan(
        report_options.policy,
        report_options.engine,
        report_options.auto,
        report_options.folder,
        bucket,
        report_options.endpoint,
    )


def _write(folder: Path, study: Study, summed: Summary) -> None:
    """Write results; the summary comes last, because it marks the run as finished."""
    study.save(folder)
    with (folder / CSV).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(_cells(study))
    (folder / POLICY_FILE).write_text(recommendation.as_yaml(summed.recommended, study))
    summary.save(summed, folder / journal.SUMMARY)


def _cells(study: Study) -> Iterator[dict[str, Any]]:
    for row in study.rows:
        # Spreadsheets run cells that look like formulas; names come from uploaders.
        cells = asdict(row)
        for name in ("image", "kind", "note", "problem"):
            if cells[name][:1] in {"=", "+", "-", "@", "\t", "\r"}:
                cells[name] = f"'{cells[name]}"
        yield cells
