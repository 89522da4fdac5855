"""Format the figures of a report for the terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from slimgate.eval.compare.comparison import StrategySummary
from slimgate.eval.compare.curves import NAMED
from slimgate.eval.compare.intervals import Estimate, WinRate
from slimgate.eval.compare.obstacles import ObstacleSum, ObstacleSummary, summed
from slimgate.eval.compare.rows import Study
from slimgate.eval.compare.strategies import POLICY, named
from slimgate.eval.cost.money_measured import Budget
from slimgate.eval.demo.events import printable
from slimgate.eval.report.page import formatting
from slimgate.eval.report.summary import Summary

LEGEND: Final = (
    "saved: share of all bytes, and its 95 % interval    below: the floor\n"
    "score: SSIMULACRA2; score, PSNR, SSIM, ORB: means over images that are not identical (=)\n"
    "least, region, worst: lowest score, lowest score of a region, lowest PSNR\n"
    "fewer, closer: share of images with fewer bytes, or a higher score, under the policy (ties "
    "count half)"
)

_MOST: Final = 10
_FEW: Final = 5
_NAME: Final = 46
_WHY: Final = 92

_COSTS: Final = (
    "costs: bytes stored beyond what the policy makes of the same pixels in an ordinary JPEG file"
)


def lines(study: Study, summary: Summary) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield _header("strategy")
    for standing in summary.standings:
        if standing.kind is None:
            yield _line(named(standing.strategy).title, standing)
    classes = [s for s in summary.standings if s.kind is not None and s.strategy == POLICY]
    if classes:
        yield from ("", _header("class, under the policy"))
        yield from (_line(printable(each.kind or ""), each) for each in classes)
    yield from ("", LEGEND, "", *_obstacles(summary), *_curves(summary), *_worst(summary))
    yield from (*_times(summary), *_unmeasured(summary), *_sum(study, summary))


def _header(first: str) -> str:
    return (
        f"{first:{_NAME}}{'images':>7}{'saved':>9}{'95 %':>15}{'score':>7}{'least':>7}{'region':>7}"
        f"{'PSNR':>7}{'worst':>7}{'SSIM':>8}{'ORB':>7}{'below':>6}{'fewer':>7}{'closer':>7}"
    )


def _line(name: str, standing: StrategySummary) -> str:
    saved = standing.saved
    interval = f"{100 * saved.low:.1f} to {100 * saved.high:.1f}"
    rates = ("", "") if standing.strategy == POLICY else (
        _rate(standing.fewer_bytes), _rate(standing.closer)
    )  # fmt: skip
    return (
        f"{name[:_NAME]:{_NAME}}{standing.images:>7}{100 * saved.value:>7.1f} %{interval:>15}"
        f"{_mean(standing, 'ssimulacra2', '.1f'):>7}{_least(standing.worst_ssimulacra2, 1):>7}"
        f"{_least(standing.worst_region, 1):>7}"
        f"{_mean(standing, 'psnr_db', '.2f'):>7}{_least(standing.worst, 2):>7}"
        f"{_mean(standing, 'ssim', '.4f'):>8}{_mean(standing, 'orb', '.3f'):>7}"
        f"{standing.below:>6}{rates[0]:>7}{rates[1]:>7}"
    ).rstrip()


def _least(value: float | None, digits: int) -> str:
    return "=" if value is None else f"{value:.{digits}f}"


def _mean(standing: StrategySummary, name: str, form: str) -> str:
    mean: Estimate | None = standing.means.get(name)
    return "=" if mean is None else format(mean.value, form)


def _rate(wins: WinRate) -> str:
    rate = wins.rate
    return "-" if rate is None else f"{100 * rate.value:.0f} %"


def _obstacles(summary: Summary) -> Iterator[str]:
    """Yield what stays plain or is stored without loss, and why, in bytes."""
    if not summary.obstacles:
        return
    whole = summary.uploaded + sum(each.uploaded for each in summary.obstacles if each.unmeasured)
    yield (
        f"{'what stays plain or without loss, and why':{_WHY}}{'images':>7}{'uploaded':>14}"
        f"{'of all':>8}{'stored':>14}{'costs':>14}"
    )
    for each in summary.obstacles[:_MOST]:
        yield _kept_back(f"{', '.join(each.tiers)}: {each.why}", each, whole)
    if len(summary.obstacles) > _MOST:
        yield f"{len(summary.obstacles) - _MOST} more are in summary.json"
    yield from (_kept_back("all", summed(summary.obstacles), whole), _COSTS, "")


def _kept_back(name: str, each: ObstacleSummary | ObstacleSum, whole: int) -> str:
    costs = "-" if each.costs is None else f"{each.costs:,}"
    share = 100 * each.uploaded / whole if whole else 0.0
    return (
        f"{printable(name)[:_WHY]:{_WHY}}{each.images:>7}{each.uploaded:>14,}{share:>6.1f} %"
        f"{each.stored:>14,}{costs:>14}"
    )


def _curves(summary: Summary) -> Iterator[str]:
    """Yield what codecs need for the scores of fidelities, as shares of the uploads."""
    for curves in summary.curves[:1]:
        yield f"bytes needed for a score, % of the {curves.images} uploads stored with loss"
        yield f"{'':{_NAME}}" + "".join(f"{score:>7g}" for score in NAMED)
        for name in curves.needed:
            title = named(name).title.replace(" at equal SSIMULACRA2", "")
            shares = (100 * curves.share(name, score) for score in NAMED)
            yield f"{title:{_NAME}}" + "".join(f"{share:>7.1f}" for share in shares)
        share = 100 * curves.stored / curves.uploaded
        yield f"the policy stores {share:.1f} % at a mean score of {curves.score:.1f}"
        yield ""


def _worst(summary: Summary) -> Iterator[str]:
    """Yield the least faithful images."""
    scored = [each for each in summary.worst if each.ssimulacra2 is not None][:_FEW]
    for each in scored:
        yield (
            f"least faithful: score {each.ssimulacra2:.1f}, worst region "
            f"{_least(each.ssimulacra2_worst, 1)}: {printable(each.image)} ({each.tier})"
        )
    if scored:
        yield ""


def _times(summary: Summary) -> Iterator[str]:
    for name, what in (("put", "PUT"), ("get", "GET")):
        wall, cpu = (summary.seconds.get(f"{name}_{clock}_s") for clock in ("wall", "cpu"))
        if wall is None or cpu is None:
            continue
        each = ", ".join(f"{label} {1e3 * wall[label]:.0f}" for label in wall)
        cores = ", ".join(f"{label} {1e3 * cpu[label]:.0f}" for label in cpu)
        per_pixel = summary.cpu_s_per_megapixel[f"{name}_cpu_s"]
        yield (
            f"{what} under the policy, ms: {each} (CPU: {cores}); {per_pixel:.2f} CPU-seconds per "
            "megapixel"
        )


def _unmeasured(summary: Summary) -> Iterator[str]:
    for each in summary.unmeasured[:_MOST]:
        yield f"not measured: {printable(each.image)}: {printable(each.problem)}"
    if len(summary.unmeasured) > _MOST:
        yield f"not measured: {len(summary.unmeasured) - _MOST} more, see results.csv"


def _sum(study: Study, summary: Summary) -> Iterator[str]:
    tiers = ", ".join(f"{count} {tier}" for tier, count in summary.tiers.items())
    floor = ", ".join(f"{name} {value:g}" for name, value in _demanded(study))
    yield from _money(summary.money)
    found = summary.recommended
    yield f"floor: {floor}; stored: {tiers}"
    yield (
        f"recommended: tiers {', '.join(found.policy.get('tiers', ('all',)))}, expected saving "
        f"{found.saved:.1%}"
    )
    yield _took(study)
    yield (
        f"saved {summary.saved:.1%} of {summary.images} images ({summary.uploaded:,} bytes stored "
        f"as {summary.stored:,}), {summary.below} below the floor, {len(summary.unmeasured)} not "
        "measured"
    )


def _money(budget: Budget | None) -> Iterator[str]:
    if budget is None:
        return
    found = budget.result
    now, then = (
        formatting.amount(each, budget.currency) for each in (found.now_per_tb, found.then_per_tb)
    )
    yield (
        f"money: {now} per TB and month now, {then} with the gateway ({found.terabytes:g} TB in "
        f"{budget.assumed.storage_class} of {budget.price_list}, prices of {budget.date}); pays "
        f"for itself: {formatting.pays(found)}"
    )


def _demanded(study: Study) -> Sequence[tuple[str, float]]:
    return [(name, value) for name, value in study.floor.items() if value is not None]


def _took(study: Study) -> str:
    peak = f"peak memory {study.peak_bytes / 2**20:.0f} MiB"
    if not study.seconds:  # a job, on any number of machines
        return f"took {study.cpu_seconds:.0f} CPU-seconds, {peak} per process"
    return (
        f"took {study.seconds:.0f} s ({study.cpu_seconds:.0f} CPU-seconds), {peak} in all processes"
    )
