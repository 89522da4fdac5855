"""Results depend on the upload and the policy, not on the load of the machine."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest

from slimgate import models
from slimgate.codec.measures import ocr
from slimgate.codec.optimize import Optimized, Refused, optimize
from slimgate.codec.search.effort import Work
from slimgate.codec.search.state import Trial
from tests.codec.pictures import noise, optimize_options, photo, save

_POLICY: Final[dict[str, Any]] = {
    "tiers": ["downscale", "recode", "exact", "lossless"], "codecs": ["avif", "jxl", "webp"],
    "limits": {"timeout_s": 20},
}  # fmt: skip
_FILES: Final = {
    "photograph": save(photo("astronaut.png"), "JPEG", quality=92),
    "PNG": save(photo("coffee.png")[:300, :400], "PNG"),
    "WebP": save(photo("chelsea.png")[:300, :400], "WEBP", quality=90),
}


def _stored(data: bytes) -> Optimized:
    asked = optimize_options(**_POLICY)
    limited = replace(asked, work_s=asked.policy.limits.timeout_s)
    return optimize(data, limited, models.restorer)


def _tried(trials: Sequence[Trial]) -> list[tuple[object, ...]]:
    return [(t.candidate, t.quality, t.size, t.verdict, t.sampled) for t in trials]


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES.keys())
def test_a_racing_clock_changes_nothing(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each look at the clock costs 50 s, the same trials are made and the same is stored."""
    expected = _stored(data)
    real: dict[str, Callable[[], float]] = {}
    for name in ("monotonic", "perf_counter", "time"):
        real[name] = getattr(time, name)
        racing = (real[name]() + 50.0 * looks for looks in itertools.count())
        monkeypatch.setattr(time, name, racing.__next__)
    made = _stored(data)
    assert (made.rendition, _tried(made.trials)) == (expected.rendition, _tried(expected.trials))
    assert made.manifest == expected.manifest


def _spin(stopped: Any) -> None:
    while not stopped.is_set():
        sum(range(1000))


@contextmanager
def _load(processes: int) -> Iterator[None]:
    context = multiprocessing.get_context("fork")
    stopped = context.Event()
    started = [context.Process(target=_spin, args=(stopped,)) for _ in range(processes)]
    for each in started:
        each.start()
    try:
        yield
    finally:
        stopped.set()
        for each in started:
            each.join()


def test_load_changes_nothing() -> None:
    """With many busy processes beside it, a search ends at the same rendition."""
    data = _FILES["photograph"]
    expected = _stored(data)
    with _load(4 * (os.cpu_count() or 1)):
        made = _stored(data)
    assert (made.rendition, _tried(made.trials)) == (expected.rendition, _tried(expected.trials))


def test_the_budget_ends_at_the_same_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that is too small ends the search at the same trial under any clock."""
    short = replace(optimize_options(**_POLICY), work_s=0.1)
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    found = []
    for clock in (time.monotonic, itertools.count(step=1000).__next__):
        monkeypatch.setattr(time, "monotonic", clock)
        with pytest.raises(Refused, match="no work left") as refused:
            optimize(_FILES["photograph"], short, models.restorer)
        found.append(_tried(refused.value.trials))
    assert found[0] == found[1]
    assert found[0] != _tried(_stored(_FILES["photograph"]).trials)


def test_each_step_is_charged() -> None:
    """Work grows with pixels, slower encoders, networks and formats that take longer."""
    done = []
    steps: list[Callable[[Work], None]] = [
        lambda work: work.encode(10**6, "avif", 9),
        lambda work: work.encode(10**6, "avif", 8),
        lambda work: work.encode(10**6, "avif", 6),
        lambda work: work.encode(2 * 10**6, "avif", 6),
    ]
    for step in steps:
        work = Work(60)
        step(work)
        done.append(work.done_s)
    assert done == sorted(set(done))
    network, plain = Work(60), Work(60)
    network.restore(10**6, restored=True)
    plain.restore(10**6, restored=False)
    assert plain.done_s < network.done_s


def test_reading_waits_for_what_is_slow_not_for_what_hangs() -> None:
    """Tesseract's timeout far exceeds the time of any image, even under load."""
    assert ocr.HANGS_S >= 600
    with pytest.raises(ocr.CannotRead):
        ocr.words(noise(20, 40_000), timeout_s=ocr.HANGS_S)
