"""Statistics of repeated, interleaved measurements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operation measured directly and through the gateway, alternately.

    Attributes:
        what: operation.
        where: kind of bucket or listing.
        unit: unit of both values; lower is better for ``ms``, higher for all others.
        direct: median without the gateway.
        gateway: median through the gateway.
        ratios: speed through the gateway as a share of the direct speed, by repetition.
    """

    what: str
    where: str
    unit: str
    direct: float
    gateway: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median ratio: 1 is as fast as without the gateway, 0.5 half as fast."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the quartiles of the ratios: half of the repetitions lie between them."""
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def added_ms(self) -> float | None:
        """Return what the gateway adds to one request, ms; None for throughput."""
        return self.gateway - self.direct if self.unit == "ms" else None


def interleave(
    calls: Mapping[str, Callable[[], float]], repetitions: int
) -> dict[str, tuple[float, ...]]:
    """Run calls alternately, A B A B, so that slow moments of the machine affect all.

    Args:
        calls: functions that return their duration, seconds; run once before measuring.
        repetitions: number of measured runs of each.
    """
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repetitions):
        for name, call in calls.items():
            taken[name].append(call())
    return {name: tuple(seconds) for name, seconds in taken.items()}


def compare(
    what: str,
    where: str,
    taken: Mapping[str, Sequence[float]],
    *,
    per_second: float | None = None,
    unit: str = "ms",
) -> Comparison:
    """Summarize two interleaved series of durations.

    Args:
        what: operation.
        where: kind of bucket or listing.
        taken: seconds per run, ``direct`` and through the ``gateway``.
        per_second: amount of work in one run, for a throughput; None for durations in ms.
        unit: unit of that amount per second.
    """
    direct, gateway = taken["direct"], taken["gateway"]
    if per_second is None:
        values = [1e3 * median(series) for series in (direct, gateway)]
    else:
        values = [per_second / median(series) for series in (direct, gateway)]
    ratios = tuple(without / through for without, through in zip(direct, gateway, strict=True))
    return Comparison(what, where, unit, values[0], values[1], ratios)
