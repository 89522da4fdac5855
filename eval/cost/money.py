"""Monthly costs of a bucket now and with the gateway, and the break-even point.

All costs are linear in the measurements: the bucket is assumed to hold images like the measured
ones, and to keep its size. Monthly costs:

now
    storage of the uploads; per read a GET and the class's retrieval; per upload a PUT.
then
    storage of the renditions, and of the originals where kept; per read a HEAD (the gateway asks
    the bucket each time whether the reader has access), and a GET with retrieval unless the
    restored file is cached; per upload a PUT; compute per upload and per uncached read; cores that
    are always on for the gateway.

Traffic to readers is the same in both and omitted, as is traffic within a region, free at AWS.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from config.base import Frozen
from eval.cost.money_prices import Amount, Name, Prices, Step, StorageClass

HOURS: Final = 730
"""Hours per month: 365 days of 24 hours, by 12."""

_Seconds = Annotated[float, Field(ge=0, le=1e6)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Assumptions(Frozen):
    """Inputs that cannot be measured; readers can change all of them on the page.

    Attributes:
        terabytes: size of the uploads in the bucket, TB as the store counts them.
        storage_class: storage class of uploads and renditions.
        reads: mean reads per object and month.
        cache_hits: share of reads served from the gateway's cache.
        uploads: share of objects replaced per month.
        put_core_s: core-seconds to store an object.
        get_core_s: core-seconds to restore an object.
        put_gpu_s: GPU-seconds to store an object.
        get_gpu_s: GPU-seconds to restore an object.
        core_hour: price of a core per hour.
        gpu_hour: price of a GPU per hour.
        standing_cores: cores that are always on for the gateway, in addition to the work of uploads
            and reads.
        originals_class: storage class of originals; None: none are kept.
    """

    terabytes: Annotated[float, Field(gt=0, le=1e6)] = 100.0
    storage_class: Name
    reads: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    cache_hits: _Share = 0.0
    uploads: _Share = 0.03
    put_core_s: _Seconds
    get_core_s: _Seconds
    put_gpu_s: _Seconds = 0.0
    get_gpu_s: _Seconds = 0.0
    core_hour: Amount
    gpu_hour: Amount
    standing_cores: Annotated[float, Field(ge=0, le=1e5)] = 2.0
    originals_class: Name | None = None


@dataclass(frozen=True, slots=True)
class Billed:
    """What one object is billed for in a storage class, on average.

    Attributes:
        own_bytes: bytes at the price of the class.
        other_bytes: bytes at the price of another class (``StorageClass.other``).
        monitored: share of objects billed for monitoring.
    """

    own_bytes: float
    other_bytes: float
    monitored: float


@dataclass(frozen=True, slots=True)
class Place:
    """A storage class, and what it bills for the measured images.

    Attributes:
        prices: storage class.
        now: billing of an upload.
        then: billing of its rendition.
    """

    prices: StorageClass
    now: Billed
    then: Billed


@dataclass(frozen=True, slots=True)
class Basis:
    """Inputs of the calculation other than assumptions; small enough to embed in a page.

    Attributes:
        gb_bytes: bytes per GB.
        tb_bytes: bytes per TB.
        uploaded: mean bytes of an upload.
        stored: mean bytes of a rendition.
        places: storage classes by name.
    """

    gb_bytes: int
    tb_bytes: int
    uploaded: float
    stored: float
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Costs:
    """Monthly costs by purpose, in the currency of the price list."""

    storage: float = 0.0
    originals: float = 0.0
    requests: float = 0.0
    retrieval: float = 0.0
    compute: float = 0.0
    standing: float = 0.0

    @property
    def total(self) -> float:
        """Return the total."""
        return math.fsum(astuple(self))


Pays = Literal["always", "below", "above", "never"]


@dataclass(frozen=True, slots=True)
class Money:
    """Result of the calculation.

    Attributes:
        now: monthly costs without the gateway.
        then: monthly costs with the gateway.
        terabytes: size of the uploads in the bucket, TB.
        objects: number of objects.
        pays: numbers of reads for which the gateway saves money: all, those below or above
            ``break_even``, or none.
        break_even: reads per object and month with equal costs; None: none.
        backfill: one-off cost of converting the objects already in the bucket.
        payback_months: months until savings cover the backfill; None: never.
        smallest_tb: approximate bucket size at which savings cover the standing cores, TB; None:
            none.
    """

    now: Costs
    then: Costs
    terabytes: float
    objects: float
    pays: Pays
    break_even: float | None
    backfill: float
    payback_months: float | None
    smallest_tb: float | None

    @property
    def saved(self) -> float:
        """Return the monthly saving; negative if the gateway costs more."""
        return self.now.total - self.then.total


def basis(sizes: Sequence[tuple[int, int]], prices: Prices) -> Basis:
    """Return what each storage class bills for images of these sizes.

    Args:
        sizes: bytes of each upload and its rendition, both positive.
        prices: price list.

    Raises:
        ValueError: no images, or an empty one.
    """
    if not sizes or any(min(pair) <= 0 for pair in sizes):
        raise ValueError("the calculation needs at least one image, and no empty ones")
    uploads, renditions = zip(*sizes, strict=True)
    return Basis(
        gb_bytes=prices.gb_bytes,
        tb_bytes=prices.tb_bytes,
        uploaded=math.fsum(uploads) / len(sizes),
        stored=math.fsum(renditions) / len(sizes),
        places={
            each.name: Place(each, billed(uploads, each), billed(renditions, each))
            for each in prices.classes
        },
    )


def billed(sizes: Iterable[int], place: StorageClass) -> Billed:
    """Return what an object is billed for, on average.

    Args:
        sizes: bytes of each object; at least one.
        place: storage class.
    """
    own = other = monitored = objects = 0
    for size in sizes:
        objects += 1
        if place.small and size < place.small.below_bytes:
            other += size
            continue
        own += max(size, place.min_object_bytes)
        monitored += 1
        if place.beside:
            own += place.beside.own_bytes
            other += place.beside.other_bytes
    return Billed(own / objects, other / objects, monitored / objects)


def calculate(given: Basis, assumed: Assumptions) -> Money:
    """Calculate costs and the break-even point.

    Raises:
        LookupError: a storage class is missing in the price list.
    """
    for name in (assumed.storage_class, assumed.originals_class):
        if name is not None and name not in given.places:
            known = ", ".join(given.places)
            raise LookupError(
                f"the price list has no storage class {name!r}; choose one of {known}"
            )
    bucket = _Bucket(given, assumed)
    now, then = bucket.now(assumed.reads), bucket.then(assumed.reads)
    saved, backfill = now.total - then.total, bucket.backfill()
    unread = bucket.now(0).total - bucket.then(0).total
    pays, break_even = _break_even(unread, bucket.saved_by_reading())
    earned = saved + then.standing
    return Money(
        now=now,
        then=then,
        terabytes=assumed.terabytes,
        objects=bucket.objects,
        pays=pays,
        break_even=break_even,
        backfill=backfill,
        payback_months=backfill / saved if saved > 0 else None,
        smallest_tb=then.standing / earned * assumed.terabytes if earned > 0 else None,
    )


def _break_even(unread: float, by_reading: float) -> tuple[Pays, float | None]:
    """Return where savings turn into losses.

    Args:
        unread: monthly saving without reads.
        by_reading: additional saving if every object is read once; usually negative.
    """
    reads = unread / -by_reading if by_reading else math.inf
    if reads <= 0 or math.isinf(reads):
        return ("always" if max(unread, by_reading) > 0 else "never"), None
    return ("below" if unread > 0 else "above"), reads


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket of images like the measured ones."""

    given: Basis
    assumed: Assumptions

    @property
    def objects(self) -> float:
        """Return the number of objects."""
        return self.assumed.terabytes * self.given.tb_bytes / self.given.uploaded

    def now(self, reads: float) -> Costs:
        """Return the monthly costs without the gateway."""
        place = self._place
        return Costs(
            storage=self._storage(place.prices, place.now),
            requests=self._uploading + self._requests(reads, reads),
            retrieval=self._retrieval(reads, self.given.uploaded),
        )

    def then(self, reads: float) -> Costs:
        """Return the monthly costs with the gateway."""
        place, assumed = self._place, self.assumed
        missed = reads * (1 - assumed.cache_hits)
        worked = assumed.uploads * self._put + missed * self._get
        return Costs(
            storage=self._storage(place.prices, place.then),
            originals=self._originals(),
            requests=self._uploading + self._requests(reads + missed, missed),
            retrieval=self._retrieval(missed, self.given.stored),
            compute=self.objects * worked,
            standing=assumed.standing_cores * HOURS * assumed.core_hour,
        )

    def saved_by_reading(self) -> float:
        """Return the saving if every object is read once; usually negative."""
        missed = 1 - self.assumed.cache_hits
        now = self._requests(1, 1) + self._retrieval(1, self.given.uploaded)
        then = self._requests(1 + missed, missed) + self._retrieval(missed, self.given.stored)
        return now - then - self.objects * missed * self._get

    def backfill(self) -> float:
        """Return the cost of reading every object once and storing its rendition."""
        place = self._place.prices
        each = (place.get_per_1000 + place.retrieval_per_1000 + place.put_per_1000) / 1000
        if self.assumed.originals_class is not None:
            each += self.given.places[self.assumed.originals_class].prices.put_per_1000 / 1000
        return self.objects * (each + self._put) + self._retrieval(1, self.given.uploaded)

    @property
    def _place(self) -> Place:
        return self.given.places[self.assumed.storage_class]

    @property
    def _uploading(self) -> float:
        return self.objects * self.assumed.uploads * self._place.prices.put_per_1000 / 1000

    @property
    def _put(self) -> float:
        return self._work(self.assumed.put_core_s, self.assumed.put_gpu_s)

    @property
    def _get(self) -> float:
        return self._work(self.assumed.get_core_s, self.assumed.get_gpu_s)

    def _work(self, core_s: float, gpu_s: float) -> float:
        return (core_s * self.assumed.core_hour + gpu_s * self.assumed.gpu_hour) / 3600

    def _storage(self, place: StorageClass, each: Billed) -> float:
        price = stepped(place.storage, self._tb(each.own_bytes)) * self._gb_of_tb
        if place.other is not None:
            other = self.given.places[place.other].prices
            price += stepped(other.storage, self._tb(each.other_bytes)) * self._gb_of_tb
        return price + self.objects * each.monitored * place.monitoring_per_1000 / 1000

    def _originals(self) -> float:
        if self.assumed.originals_class is None:
            return 0.0
        place = self.given.places[self.assumed.originals_class]
        uploads = self.objects * self.assumed.uploads * place.prices.put_per_1000 / 1000
        return self._storage(place.prices, place.now) + uploads

    def _requests(self, gets: float, opened: float) -> float:
        """Return the price of requests.

        Args:
            gets: GET and HEAD requests per object.
            opened: retrieval requests per object.
        """
        place = self._place.prices
        each = gets * place.get_per_1000 + opened * place.retrieval_per_1000
        return self.objects * each / 1000

    def _retrieval(self, times: float, size: float) -> float:
        gigabytes = self.objects * times * size / self.given.gb_bytes
        return gigabytes * self._place.prices.retrieval_per_gb

    def _tb(self, each: float) -> float:
        return self.objects * each / self.given.tb_bytes

    @property
    def _gb_of_tb(self) -> float:
        return self.given.tb_bytes / self.given.gb_bytes


def stepped(steps: Sequence[Step], terabytes: float) -> float:
    """Return the price of a size in TB by tiered prices per GB."""
    price, start = 0.0, 0.0
    for step in steps:
        end = terabytes if step.up_to_tb is None else min(terabytes, step.up_to_tb)
        price += max(0.0, end - start) * step.gb_month
        start = end
    return price
