from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.eval.cost import money, money_prices
from slimgate.eval.cost.money import Assumptions, Money

AWS = money_prices.load()
NAMES = [each.name for each in AWS.classes]
KIB = 2**10
HALVED = [(1024 * KIB, 512 * KIB)]

amounts = st.floats(0, 10)
shares = st.floats(0, 1)
sizes = st.lists(
    st.tuples(st.integers(1, 2**24), st.floats(0.01, 1)).map(
        lambda pair: (pair[0], max(1, int(pair[0] * pair[1])))
    ),
    min_size=1,
    max_size=20,
)
assumptions = st.builds(
    Assumptions,
    terabytes=st.floats(0.01, 10_000),
    storage_class=st.sampled_from(NAMES),
    reads=st.floats(0, 100),
    cache_hits=shares,
    uploads=shares,
    put_core_s=amounts,
    get_core_s=amounts,
    put_gpu_s=amounts,
    get_gpu_s=amounts,
    core_hour=amounts,
    gpu_hour=amounts,
    standing_cores=st.floats(0, 100),
    originals_class=st.none() | st.sampled_from(NAMES),
)


def _assume(**changes: Any) -> Assumptions:
    free: dict[str, Any] = {
        "terabytes": 1.0,
        "storage_class": "STANDARD",
        "reads": 0.0,
        "uploads": 0.0,
        "put_core_s": 0.0,
        "get_core_s": 0.0,
        "core_hour": 0.0,
        "gpu_hour": 0.0,
        "standing_cores": 0.0,
    }
    return Assumptions(**(free | changes))


def _money(pairs: list[tuple[int, int]] = HALVED, **changes: Any) -> Money:
    return money.calculate(money.basis(pairs, AWS), _assume(**changes))


def test_storage() -> None:
    """A TB in S3 Standard costs 1,024 GB times 0.023, and half of that once images are halved."""
    result = _money()
    assert (result.now.total, result.then.total) == (1024 * 0.023, 512 * 0.023)
    assert result.objects == 2**20


def test_break_even() -> None:
    """In S3 Standard each read costs one HEAD more, which savings pay for up to 28 reads."""
    result = _money()
    assert result.pays == "below"
    assert result.break_even == pytest.approx(512 * 0.023 / (2**20 * 0.0004 / 1000))
    assert (_money(cache_hits=1.0).pays, _money(cache_hits=1.0).break_even) == ("always", None)


def test_steps() -> None:
    """Storage beyond 50 and 500 TB costs what is asked for there, now and then."""
    result = _money(terabytes=600.0)
    assert result.now.storage == pytest.approx(1024 * (50 * 0.023 + 450 * 0.022 + 100 * 0.021))
    assert result.then.storage == pytest.approx(1024 * (50 * 0.023 + 250 * 0.022))


def test_least_size() -> None:
    """In S3 Standard-IA nothing is billed as less than 128 KB, however small it is made."""
    result = _money([(64 * KIB, 8 * KIB)], storage_class="STANDARD_IA")
    assert result.now.storage == pytest.approx(2 * 1024 * 0.0125)
    assert (result.now.storage, "never") == (result.then.storage, result.pays)


def test_what_glacier_keeps_beside() -> None:
    """In S3 Glacier 32 KB of its own and 8 KB of S3 Standard are billed beside each object."""
    result = _money(storage_class="GLACIER")
    objects = 2**20
    beside = objects * (32 * KIB * 0.0036 + 8 * KIB * 0.023) / 2**30
    assert result.now.storage == pytest.approx(1024 * 0.0036 + beside)
    assert result.then.storage == pytest.approx(512 * 0.0036 + beside)


def test_small_objects_in_intelligent_tiering() -> None:
    """Objects below 128 KB are billed as S3 Standard, and are not watched."""
    result = _money([(256 * KIB, 64 * KIB)], storage_class="INTELLIGENT_TIERING_AIA")
    watched = 2**22 * 0.0025 / 1000
    assert result.now.storage == pytest.approx(1024 * 0.004 + watched)
    assert result.then.storage == pytest.approx(256 * 0.023)


def test_reads() -> None:
    """A read is a GET and retrieval; with the gateway a HEAD, and those unless it is cached."""
    result = _money(storage_class="STANDARD_IA", reads=2.0, cache_hits=0.25)
    reads, missed = 2 * 2**20, 1.5 * 2**20
    assert result.now.requests == pytest.approx(reads * 0.001 / 1000)
    assert result.now.retrieval == pytest.approx(2 * 1024 * 0.01)
    assert result.then.requests == pytest.approx((reads + missed) * 0.001 / 1000)
    assert result.then.retrieval == pytest.approx(1.5 * 512 * 0.01)


def test_computing() -> None:
    """Uploads and uncached reads take cores and GPUs for as long as was measured."""
    result = _money(
        reads=2.0, cache_hits=0.5, uploads=0.1, core_hour=0.36, gpu_hour=7.2,
        put_core_s=3.0, get_core_s=1.0, put_gpu_s=0.5, get_gpu_s=0.25,
    )  # fmt: skip
    upload, read = 3 * 0.0001 + 0.5 * 0.002, 0.0001 + 0.25 * 0.002
    assert result.then.compute == pytest.approx(2**20 * (0.1 * upload + read))
    assert result.now.compute == 0


def test_standing_cores() -> None:
    """Cores that always run cost 730 hours a month, and too small a bucket does not earn them."""
    result = _money(standing_cores=2.0, core_hour=0.04)
    assert result.then.standing == pytest.approx(2 * 730 * 0.04)
    assert (result.pays, result.payback_months) == ("never", None)
    assert result.smallest_tb == pytest.approx(2 * 730 * 0.04 / (512 * 0.023))


def test_originals() -> None:
    """Uploads that are kept as well are billed in the class where they are kept."""
    result = _money(originals_class="GLACIER_IR", uploads=0.5)
    uploads = 2**19 * 0.02 / 1000
    assert result.then.originals == pytest.approx(1024 * 0.004 + uploads)
    assert result.now.originals == 0


def test_backfill() -> None:
    """Existing objects are read once and converted; savings pay for that in time."""
    result = _money(storage_class="STANDARD_IA", put_core_s=3.6, core_hour=1.0)
    each = (0.001 + 0.01) / 1000 + 0.001
    assert result.backfill == pytest.approx(2**20 * each + 1024 * 0.01)
    assert pytest.approx(result.backfill / (512 * 0.0125)) == result.payback_months


@given(assumptions, sizes)
def test_costs_are_never_negative(assumed: Assumptions, pairs: list[tuple[int, int]]) -> None:
    """Nothing is earned by storing: every part of the costs is at least 0."""
    result = money.calculate(money.basis(pairs, AWS), assumed)
    for costs in (result.now, result.then):
        assert min(costs.storage, costs.originals, costs.requests, costs.retrieval) >= 0
        assert min(costs.compute, costs.standing) >= 0
    assert result.backfill >= 0


@given(assumptions, sizes)
def test_break_even_is_where_savings_end(
    assumed: Assumptions, pairs: list[tuple[int, int]]
) -> None:
    """At break-even both cost the same; on the side that pays something is saved."""
    given = money.basis(pairs, AWS)
    result = money.calculate(given, assumed)
    at = result.break_even
    if at is None:
        assert {"always": True, "never": False}[result.pays] == (result.saved > 0) or (
            abs(result.saved) <= 1e-9 * result.now.total
        )
        return
    if at < 1e5:  # more reads than anybody may assume
        even = money.calculate(given, assumed.model_copy(update={"reads": at}))
        assert pytest.approx(even.now.total, rel=1e-6, abs=1e-9) == even.then.total
    pays = assumed.reads < at if result.pays == "below" else assumed.reads > at
    assert pays == (result.saved > 0) or assumed.reads == pytest.approx(at, rel=1e-6)


@given(assumptions, sizes)
def test_twice_as_large(assumed: Assumptions, pairs: list[tuple[int, int]]) -> None:
    """A bucket of twice the size has twice the requests, retrieval and computing."""
    given = money.basis(pairs, AWS)
    once = money.calculate(given, assumed)
    twice = money.calculate(given, assumed.model_copy(update={"terabytes": 2 * assumed.terabytes}))
    for name in ("requests", "retrieval", "compute"):
        assert pytest.approx(2 * getattr(once.then, name)) == getattr(twice.then, name)
    assert pytest.approx(2 * once.backfill) == twice.backfill
    assert once.then.standing == twice.then.standing


@given(assumptions, sizes)
def test_nothing_changes_without_the_gateway(
    assumed: Assumptions, pairs: list[tuple[int, int]]
) -> None:
    """Where nothing is smaller, computed or kept as well, storage costs what it did."""
    same = money.basis([(uploaded, uploaded) for uploaded, _ in pairs], AWS)
    result = money.calculate(same, assumed)
    assert result.now.storage == result.then.storage
    assert result.saved <= 1e-9 * result.now.total or assumed.cache_hits > 0


@pytest.mark.parametrize("pairs", [[], [(0, 0)], [(10, 5), (10, 0)]])
def test_nothing_to_go_by(pairs: list[tuple[int, int]]) -> None:
    """Without images, or with empty ones, there is nothing to calculate with."""
    with pytest.raises(ValueError, match="at least one image, and no empty ones"):
        money.basis(pairs, AWS)


@pytest.mark.parametrize("field", ["storage_class", "originals_class"])
def test_unknown_class(field: str) -> None:
    """A storage class that is not in the price list is named, and so are those that are."""
    assumed = _assume(**{field: "ICE"})
    with pytest.raises(LookupError, match="no storage class 'ICE'; choose one of STANDARD, "):
        money.calculate(money.basis(HALVED, AWS), assumed)
