"""Billing of measured images in each storage class of a price list: the basis of all costs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slimgate.eval.cost.money_prices import Prices, StorageClass


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
