"""Run a study: measure every image in all processes, and show progress."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pebble import ProcessPool
from tqdm import tqdm

from slimgate.eval.compare.rows import PLAIN, Crop, Study, ordered
from slimgate.eval.compare.strategies import POLICY, of_family
from slimgate.eval.corpus.corpus import Item
from slimgate.eval.report import crops
from slimgate.eval.report.page.crops import MAX_EXHIBITS
from slimgate.eval.run import machine, work
from slimgate.eval.run.journal import Journal
from slimgate.eval.run.pool import Job, pool, run
from slimgate.eval.run.work import Plan


@dataclass(slots=True)
class _Costs:
    """CPU time and memory of the processes so far."""

    cpu_s: float
    peaks: machine.Peaks


def run_study(
    study: Study, items: Sequence[Item], plan: Plan, journal: Journal, processes: int
) -> tuple[Study, list[Crop]]:
    """Measure the remaining images, and crop the worst ones.

    Args:
        study: metadata of the run.
        items: images.
        plan: settings shared by all images.
        journal: destination of rows.
        processes: number of processes.

    Returns:
        The study with all rows and costs, and crops of its worst images.
    """
    began = time.monotonic()
    local = plan.bucket is None
    jobs = [Job.of(item, local=local) for item in items]
    costs = _Costs(0.0, machine.Peaks(processes))
    with pool(plan, processes) as workers:
        early = [job for job in jobs if job.item.name not in journal.early]
        _measure(workers, early, processes, journal, costs, "measuring")
        late = [job for job in jobs if job.item.name not in journal.late]
        qualities = common_qualities(journal)
        _measure(workers, late, processes, journal, costs, "one quality for all", qualities)
        shown = _crops(workers, items, journal)
    measured = replace(
        study,
        seconds=time.monotonic() - began,
        cpu_seconds=costs.cpu_s,
        peak_bytes=costs.peaks.total(),
        rows=ordered(journal.rows),
    )
    return measured, shown


def _crops(workers: ProcessPool, items: Sequence[Item], journal: Journal) -> list[Crop]:
    """Return crops of the worst images, skipping unreadable ones."""
    by_name = {item.name: item for item in items}
    worst = crops.chosen([*journal.of(POLICY)], MAX_EXHIBITS)
    futures = [workers.schedule(work.cut, [by_name[row.image], row]) for row in worst]
    return [piece for future in futures if (piece := future.result()) is not None]


def common_qualities(journal: Journal) -> dict[str, int]:
    """Return the lowest quality per codec at which every image that can hold the floor does.

    Returns:
        Quality by name of strategy, without strategies with which no image holds.
    """
    found: dict[str, int] = {}
    for strategy in of_family("fixed"):
        each = journal.of(strategy.name.replace("-fixed", "-floor"))
        qualities = [row.quality for row in each if row.tier != PLAIN and row.quality is not None]
        if qualities:
            found[strategy.name] = max(qualities)
    return found


def _measure(
    workers: ProcessPool,
    jobs: Sequence[Job],
    processes: int,
    journal: Journal,
    costs: _Costs,
    what: str,
    *arguments: object,
) -> None:
    total = sum(job.megapixels for job in jobs)
    shown = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left{postfix}"
    with tqdm(total=total, desc=what, bar_format=shown, leave=False, disable=None) as bar:
        for count, (job, done) in enumerate(run(workers, jobs, processes, *arguments), 1):
            journal.add(done.rows)
            costs.cpu_s += done.cpu_s
            costs.peaks.note(done.process, done.peak_bytes)
            bar.set_postfix_str(f"{count} of {len(jobs)} images")
            bar.update(job.megapixels)
