"""Tables of what slimgate and bare AVIF store: by class, and in total."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.journal import Line

_TIERS: Final = ("exact", "lossless", "recode", "downscale", "plain")
_TOTAL: Final = "all"


@dataclass(frozen=True, slots=True)
class Summary:
    """The images of one class.

    Attributes:
        kind: class.
        images: number of images.
        uploaded: bytes uploaded.
        bare: bytes of bare AVIF data, or of the upload if that is smaller.
        stored: bytes that slimgate stores.
        extras: how many of them are containers and metadata of AVIF files.
        tiers: number of images by tier.
        score: lowest SSIMULACRA2 of what GET returns; None: all have the pixels of the upload.
        worst: lowest score of a region.
        below: number of images below their floor.
        seconds: CPU-seconds per megapixel of slimgate's search.
    """

    kind: str
    images: int
    uploaded: int
    bare: int
    stored: int
    extras: int
    tiers: Mapping[str, int]
    score: float | None
    worst: float | None
    below: int
    seconds: float

    @property
    def ratio(self) -> float:
        """Return stored bytes by those of bare AVIF."""
        return self.stored / self.bare


def tables(lines: Sequence[Line]) -> dict[str, list[Summary]]:
    """Return a table per fidelity: one summary per class, and one of all images at the end."""
    found = {}
    for fidelity in dict.fromkeys(line["fidelity"] for line in lines):
        own = [line for line in lines if line["fidelity"] == fidelity]
        kinds = sorted({line["kind"] for line in own})
        by_kind = [_summary(kind, [x for x in own if x["kind"] == kind]) for kind in kinds]
        found[fidelity] = [*by_kind, _summary(_TOTAL, own)]
    return found


def plain(found: Mapping[str, Sequence[Summary]]) -> dict[str, Any]:
    """Return tables as plain data, for JSON."""
    return {
        fidelity: [{**asdict(each), "ratio": each.ratio} for each in table]
        for fidelity, table in found.items()
    }


def text(found: Mapping[str, Sequence[Summary]]) -> Iterator[str]:
    """Yield the lines of all tables."""
    for fidelity, table in found.items():
        yield (
            f"{fidelity:18}{'images':>7}{'uploaded':>13}{'bare AVIF':>12}{'slimgate':>12}"
            f"{'extras':>9}{'ratio':>7}  {'  '.join(f'{tier:>9}' for tier in _TIERS)}"
            f"{'score':>8}{'region':>8}{'below':>7}{'CPU-s/MP':>10}"
        )
        yield from (_row(each) for each in table)
        yield ""
    yield "extras: bytes of containers and metadata that slimgate keeps in AVIF files"
    yield "score, region: lowest SSIMULACRA2 of an image stored with loss, and of its 128x128 parts"


def _row(each: Summary) -> str:
    tiers = "  ".join(f"{each.tiers[tier] / each.images:9.0%}" for tier in _TIERS)
    return (
        f"{each.kind:18}{each.images:7}{each.uploaded:13,}{each.bare:12,}{each.stored:12,}"
        f"{each.extras:9,}{each.ratio:7.3f}  {tiers}{_least(each.score)}{_least(each.worst)}"
        f"{each.below:7}{each.seconds:10.2f}"
    )


def _least(value: float | None) -> str:
    return f"{'=':>8}" if value is None else f"{value:8.2f}"


def _summary(kind: str, lines: Sequence[Line]) -> Summary:
    tiers = Counter(line["tier"] for line in lines)
    lossy = [line for line in lines if line["tier"] in ("recode", "downscale")]
    return Summary(
        kind=kind,
        images=len(lines),
        uploaded=sum(line["uploaded"] for line in lines),
        bare=sum(_bare(line) for line in lines),
        stored=sum(line["stored"] for line in lines),
        extras=sum(line["extras"] for line in lines),
        tiers={tier: tiers[tier] for tier in _TIERS},
        score=min((line["score"] for line in lossy), default=None),
        worst=min((line["worst"] for line in lossy), default=None),
        below=sum(bool(line["faults"]) for line in lines),
        seconds=sum(x["seconds"] for x in lines) / sum(x["megapixels"] for x in lines),
    )


def _bare(line: Line) -> int:
    uploaded = int(line["uploaded"])
    return min(uploaded, line["bare"]["coded"]) if line["bare"] else uploaded
