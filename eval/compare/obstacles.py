"""What stays plain or is stored without loss, and why: bytes by obstacle."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from slimgate.codec.search.omissions import LOSSY
from slimgate.eval.compare.rows import PLAIN, Row


@dataclass(frozen=True, slots=True)
class ObstacleSummary:
    """Images that one obstacle kept from a tier with loss.

    Attributes:
        why: the obstacle.
        tiers: number of images by tier, most frequent first.
        images: number of images.
        uploaded: bytes uploaded.
        stored: bytes stored.
        compared: number of images of which an ordinary copy was stored with loss, to compare.
        costs: bytes that those take beyond their copies; None if there are none.
        example: the image with the most bytes.
        unmeasured: the images could not be measured.
    """

    why: str
    tiers: dict[str, int]
    images: int
    uploaded: int
    stored: int
    compared: int
    costs: int | None
    example: str
    unmeasured: bool


def obstacles(rows: Iterable[Row]) -> list[ObstacleSummary]:
    """Return what kept images from a tier with loss, the obstacle with the most bytes first.

    Images of one obstacle that are stored as uploaded are apart from those stored without loss.

    Args:
        rows: rows of the policy, unmeasured ones included: they would be stored as uploaded.
    """
    groups: dict[tuple[str, bool], list[Row]] = {}
    for row in rows:
        why = row.problem or row.obstacle or (row.note if row.tier == PLAIN else "")
        if why and row.tier not in LOSSY:
            groups.setdefault((why, row.tier == PLAIN), []).append(row)
    found = [_summary(why, own) for (why, _), own in groups.items()]
    return sorted(found, key=lambda each: (-each.uploaded, each.why))


@dataclass(frozen=True, slots=True)
class ObstacleSum:
    """Sum of all obstacles: images, bytes uploaded, bytes stored, and what they cost if known."""

    images: int
    uploaded: int
    stored: int
    costs: int | None


def summed(found: Iterable[ObstacleSummary]) -> ObstacleSum:
    """Return the sum of all obstacles."""
    each = list(found)
    costs = [one.costs for one in each if one.costs is not None]
    return ObstacleSum(
        images=sum(one.images for one in each),
        uploaded=sum(one.uploaded for one in each),
        stored=sum(one.stored for one in each),
        costs=sum(costs) if costs else None,
    )


def _summary(why: str, rows: list[Row]) -> ObstacleSummary:
    compared = [(row.stored, row.could) for row in rows if row.could is not None]
    return ObstacleSummary(
        why=why,
        tiers=dict(Counter(row.tier for row in rows).most_common()),
        images=len(rows),
        uploaded=sum(row.uploaded for row in rows),
        stored=sum(row.stored for row in rows),
        compared=len(compared),
        costs=sum(stored - could for stored, could in compared) if compared else None,
        example=max(rows, key=lambda row: row.uploaded).image,
        unmeasured=not rows[0].measured,
    )
