"""The cost model as formulas: its single definition.

:func:`slimgate.eval.cost.money.calculate` evaluates them in Python, and the report's page evaluates
them in the reader's browser, where every assumption can be changed. Inputs are named as in
:class:`slimgate.eval.cost.money.Assumptions`; the storage class selects the formulas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slimgate.eval.cost.formula import (
    Formula,
    Term,
    choose,
    constant,
    largest,
    named,
    smallest,
    total,
)
from slimgate.eval.cost.money_basis import Basis, Billed, Place
from slimgate.eval.cost.money_prices import Step, StorageClass

HOURS: Final = 730
"""Hours per month: 365 days of 24 hours, by 12."""

PARTS: Final = ("storage", "originals", "requests", "retrieval", "compute", "standing")
"""Parts of the monthly costs, in the order of addition."""

_KEPT: Final = "originals"
_KEPT_PUT: Final = "originals_put"

_Costs = Mapping[str, Term]


def originals(given: Basis, name: str | None) -> dict[str, Formula]:
    """Return the inputs of :func:`figures` that depend on the storage class of originals.

    Args:
        given: basis of the costs.
        name: storage class; None: originals are not kept.

    Returns:
        Formulas by input: monthly costs of originals, and the cost of storing one.
    """
    if name is None:
        return {_KEPT: constant(0.0), _KEPT_PUT: constant(0.0)}
    bucket = _Bucket(given, given.places[name])
    kept = bucket.storage(bucket.place.now) + bucket.uploading
    return {_KEPT: kept, _KEPT_PUT: constant(bucket.place.prices.put_per_1000 / 1000)}


def figures(given: Basis, name: str) -> dict[str, Formula]:
    """Return the formula of every figure of a bucket in a storage class, by name.

    ``now.…`` and ``then.…`` are the monthly costs without and with the gateway: each of ``PARTS``,
    and their ``total``. :class:`slimgate.eval.cost.money.Money` describes the others.
    """
    bucket, terabytes = _Bucket(given, given.places[name]), named("terabytes")
    now, then = bucket.now(named("reads")), bucket.then(named("reads"))
    now_total, then_total = _total(now), _total(then)
    saved, backfill = now_total - then_total, bucket.backfill()
    standing = constant(then["standing"])
    earned = saved + standing
    unread = _total(bucket.now(0.0)) - _total(bucket.then(0.0))
    pays, break_even = _break_even(unread, bucket.saved_by_reading())
    return {
        **{f"now.{part}": constant(now.get(part, 0.0)) for part in PARTS},
        **{f"then.{part}": constant(then[part]) for part in PARTS},
        "now.total": now_total,
        "then.total": then_total,
        "now_per_tb": now_total / terabytes,
        "then_per_tb": then_total / terabytes,
        "terabytes": terabytes,
        "objects": bucket.objects,
        "saved": saved,
        "pays": pays,
        "break_even": break_even,
        "backfill": backfill,
        "payback_months": choose(saved, 0.0, backfill / saved, None),
        "smallest_tb": choose(earned, 0.0, standing / earned * terabytes, None),
    }


def _total(costs: _Costs) -> Formula:
    return total(*(costs.get(part, 0.0) for part in PARTS))


def _break_even(unread: Formula, by_reading: Formula) -> tuple[Formula, Formula]:
    """Return where savings turn into losses: ``pays`` and ``break_even``.

    Args:
        unread: monthly saving without reads.
        by_reading: additional saving if every object is read once; usually negative.
    """
    reads = unread / (0.0 - by_reading)
    gain = choose(by_reading, 0.0, choose(0.0, unread, "above", "always"), "never")
    pays = choose(unread, 0.0, choose(0.0, by_reading, "below", "always"), gain)
    later = choose(0.0, unread, choose(by_reading, 0.0, reads, None), None)
    return pays, choose(unread, 0.0, choose(0.0, by_reading, reads, None), later)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket of images like the measured ones, in one storage class."""

    given: Basis
    place: Place

    @property
    def objects(self) -> Formula:
        """Return the number of objects."""
        return named("terabytes") * self.given.tb_bytes / self.given.uploaded

    @property
    def uploading(self) -> Formula:
        """Return the monthly costs of PUT requests."""
        return self.objects * named("uploads") * self.place.prices.put_per_1000 / 1000

    def now(self, reads: Term) -> _Costs:
        """Return the monthly costs without the gateway."""
        return {
            "storage": self.storage(self.place.now),
            "requests": self.uploading + self._requests(reads, reads),
            "retrieval": self._retrieval(reads, self.given.uploaded),
        }

    def then(self, reads: Term) -> _Costs:
        """Return the monthly costs with the gateway."""
        missed = reads * (1 - named("cache_hits"))
        worked = named("uploads") * _work("put") + missed * _work("get")
        return {
            "storage": self.storage(self.place.then),
            "originals": named(_KEPT),
            "requests": self.uploading + self._requests(reads + missed, missed),
            "retrieval": self._retrieval(missed, self.given.stored),
            "compute": self.objects * worked,
            "standing": named("standing_cores") * HOURS * named("core_hour"),
        }

    def saved_by_reading(self) -> Formula:
        """Return the saving if every object is read once; usually negative."""
        missed = 1 - named("cache_hits")
        now = self._requests(1.0, 1.0) + self._retrieval(1.0, self.given.uploaded)
        then = self._requests(1 + missed, missed) + self._retrieval(missed, self.given.stored)
        return now - then - self.objects * missed * _work("get")

    def backfill(self) -> Formula:
        """Return the cost of reading every object once and storing its rendition."""
        place = self.place.prices
        each = (place.get_per_1000 + place.retrieval_per_1000 + place.put_per_1000) / 1000
        stored = each + named(_KEPT_PUT) + _work("put")
        return self.objects * stored + self._retrieval(1.0, self.given.uploaded)

    def storage(self, each: Billed) -> Formula:
        """Return the monthly storage costs of all objects."""
        place = self.place.prices
        price = self._priced(place, each.own_bytes)
        if place.other is not None:
            price = price + self._priced(self.given.places[place.other].prices, each.other_bytes)
        return price + self.objects * each.monitored * place.monitoring_per_1000 / 1000

    def _priced(self, place: StorageClass, each_bytes: float) -> Formula:
        terabytes = self.objects * each_bytes / self.given.tb_bytes
        return _stepped(place.storage, terabytes) * (self.given.tb_bytes / self.given.gb_bytes)

    def _requests(self, gets: Term, opened: Term) -> Formula:
        """Return the price of requests.

        Args:
            gets: GET and HEAD requests per object.
            opened: retrieval requests per object.
        """
        place = self.place.prices
        each = gets * place.get_per_1000 + opened * place.retrieval_per_1000
        return self.objects * each / 1000

    def _retrieval(self, times: Term, size: float) -> Formula:
        gigabytes = self.objects * times * size / self.given.gb_bytes
        return gigabytes * self.place.prices.retrieval_per_gb


def _work(what: str) -> Formula:
    """Return the compute costs of one PUT or GET."""
    cores = named(f"{what}_core_s") * named("core_hour")
    return (cores + named(f"{what}_gpu_s") * named("gpu_hour")) / 3600


def _stepped(steps: Sequence[Step], terabytes: Formula) -> Formula:
    """Return the price of a size in TB by tiered prices per GB."""
    price, start = constant(0.0), constant(0.0)
    for step in steps:
        end = terabytes if step.up_to_tb is None else smallest(terabytes, step.up_to_tb)
        price = price + largest(0.0, end - start) * step.gb_month
        start = end
    return price
