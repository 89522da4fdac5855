"""What a bucket costs in a month, now and with the gateway before it, and when that pays.

Everything is linear in what was measured: a bucket is taken to hold images like the measured ones,
and to stay as large as it is. What is counted, for each month:

now
    the storage of the uploads; a GET for each read, and what the class asks for retrieval; a PUT
    for each upload.
then
    the storage of the renditions, and of the originals where they are kept; for each read a HEAD,
    and a GET with retrieval unless the restored file is cached (the gateway asks the bucket each
    time whether this reader may have the object); a PUT for each upload; computing for each upload
    and for each read that is not cached; the cores that run for the gateway whatever it does.

Traffic to readers is the same in both and left out; so is traffic within a region, which is free
at AWS.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from config.base import Frozen
from eval.cost.money_prices import Amount, Name, Prices, Step, StorageClass

HOURS: Final = 730
"""Hours of a month: 365 days of 24 hours by 12."""

_Seconds = Annotated[float, Field(ge=0, le=1e6)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Assumptions(Frozen):
    """What nobody can measure for the reader; the page lets readers change all of it.

    Attributes:
        terabytes: Size of the bucket as it was uploaded, TB as the store counts them.
        storage_class: Where uploads are now, and renditions will be.
        reads: How often an object is read in a month, on average.
        cache_hits: Share of these reads that the gateway answers from its cache.
        uploads: Share of all objects that are new each month; as many go.
        put_core_s: Core seconds of storing an object.
        get_core_s: Core seconds of restoring an object.
        put_gpu_s: GPU seconds of storing an object.
        get_gpu_s: GPU seconds of restoring an object.
        core_hour: Price of a core for an hour.
        gpu_hour: Price of a GPU for an hour.
        standing_cores: Cores that run for the gateway all the time, whatever it does. The work of
            uploads and reads is counted besides.
        originals_class: Where uploads are kept as well (``originals``); None: they are not.
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
        own_bytes: Bytes at the price of the class.
        other_bytes: Bytes at the price of another class (``StorageClass.other``).
        monitored: Share of the objects that are watched.
    """

    own_bytes: float
    other_bytes: float
    monitored: float


@dataclass(frozen=True, slots=True)
class Place:
    """A storage class, and what it bills for the measured images.

    Attributes:
        prices: The class.
        now: For an upload.
        then: For its rendition.
    """

    prices: StorageClass
    now: Billed
    then: Billed


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that the calculation needs besides assumptions; it fits into a page.

    Attributes:
        gb_bytes: Bytes of a GB.
        tb_bytes: Bytes of a TB.
        uploaded: Bytes of an upload, on average.
        stored: Bytes of a rendition, on average.
        places: All storage classes, by name.
    """

    gb_bytes: int
    tb_bytes: int
    uploaded: float
    stored: float
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a month costs, by what it is for, in the currency of the price list."""

    storage: float = 0.0
    originals: float = 0.0
    requests: float = 0.0
    retrieval: float = 0.0
    compute: float = 0.0
    standing: float = 0.0

    @property
    def total(self) -> float:
        """Give the sum."""
        return math.fsum(astuple(self))


Pays = Literal["always", "below", "above", "never"]


@dataclass(frozen=True, slots=True)
class Money:
    """What comes of a bucket under assumptions.

    Attributes:
        now: Costs of a month without the gateway.
        then: With it.
        terabytes: Size of the bucket as it was uploaded, TB.
        objects: How many objects it holds.
        pays: For which numbers of reads the gateway saves money: all, those below or above
            ``break_even``, or none.
        break_even: Reads per object and month at which both cost the same; None: there is none.
        backfill: Costs of storing anew what is in the bucket already.
        payback_months: After how many months savings have paid for that; None: never.
        smallest_tb: About how large a bucket must be for savings to pay for the standing cores,
            TB; None: no size does.
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
        """Give what is saved in a month; below 0 it costs more."""
        return self.now.total - self.then.total


def basis(sizes: Sequence[tuple[int, int]], prices: Prices) -> Basis:
    """Work out what each storage class bills for images of these sizes.

    Args:
        sizes: Bytes of each upload and of its rendition, both above 0.
        prices: The price list.

    Raises:
        ValueError: There are no images, or one is empty.
    """
    if not sizes or any(min(pair) <= 0 for pair in sizes):
        raise ValueError("money needs at least one image, and none of 0 bytes")
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
    """Work out what an object is billed for, on average.

    Args:
        sizes: Bytes of at least one object.
        place: The class that they are in.
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
    """Work out costs, and when the gateway pays.

    Raises:
        LookupError: A storage class is not in the price list.
    """
    for name in (assumed.storage_class, assumed.originals_class):
        if name is not None and name not in given.places:
            known = ", ".join(given.places)
            raise LookupError(f"the price list has no storage class {name!r}; there are {known}")
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
    """Find where savings turn into losses.

    Args:
        unread: What is saved in a month in which nothing is read.
        by_reading: What is saved besides, by every object being read once; mostly below 0.
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
        """Give how many objects there are."""
        return self.assumed.terabytes * self.given.tb_bytes / self.given.uploaded

    def now(self, reads: float) -> Costs:
        """Give the costs of a month without the gateway."""
        place = self._place
        return Costs(
            storage=self._storage(place.prices, place.now),
            requests=self._uploading + self._requests(reads, reads),
            retrieval=self._retrieval(reads, self.given.uploaded),
        )

    def then(self, reads: float) -> Costs:
        """Give the costs of a month with the gateway."""
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
        """Give what is saved in a month by every object being read once; mostly below 0."""
        missed = 1 - self.assumed.cache_hits
        now = self._requests(1, 1) + self._retrieval(1, self.given.uploaded)
        then = self._requests(1 + missed, missed) + self._retrieval(missed, self.given.stored)
        return now - then - self.objects * missed * self._get

    def backfill(self) -> float:
        """Give the costs of reading every object once and storing it anew."""
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
        """Price requests.

        Args:
            gets: How many GET and HEAD requests there are for each object.
            opened: How often it has to be made readable.
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
    """Add up an amount step by step, in TB times the price of a GB."""
    price, start = 0.0, 0.0
    for step in steps:
        end = terabytes if step.up_to_tb is None else min(terabytes, step.up_to_tb)
        price += max(0.0, end - start) * step.gb_month
        start = end
    return price
