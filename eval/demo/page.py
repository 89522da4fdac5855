"""The demo's closing page: every image before and after, in one file that opens offline."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from slimgate.config import Policy
from slimgate.eval.demo import hints, table
from slimgate.eval.demo.roundtrip import Row
from slimgate.eval.demo.sample_images import Sample
from slimgate.eval.demo.table import Totals
from slimgate.eval.report.page import rendering

NAME: Final = "slimgate-demo.html"
"""Default file name."""

_FOLDER: Final = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An image under one policy.

    Attributes:
        policy: name of the fidelity.
        row: its result.
        score: its score as text.
        saved: share of bytes saved.
        image: the downloaded file, as a data URI; empty after an error.
    """

    policy: str
    row: Row
    score: str
    saved: float
    image: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An image of the page.

    Attributes:
        key: object key.
        size: width and height as displayed, pixels.
        upload: the uploaded file, as a data URI.
        uploaded: its size, bytes.
        outcomes: its result under each policy.
    """

    key: str
    size: tuple[int, int]
    upload: str
    uploaded: int
    outcomes: tuple[Outcome, ...]


def exhibit(sample: Sample, rows: Sequence[Row], policies: Sequence[Policy]) -> Exhibit:
    """Return an image with its results.

    Args:
        sample: the upload.
        rows: its result under each policy.
        policies: the policies, in the same order.
    """
    with Image.open(io.BytesIO(sample.data)) as image:
        size = ImageOps.exif_transpose(image).size
    outcomes = (
        Outcome(
            str(policy.fidelity),
            row,
            table.score(row),
            table.saved(row),
            _data_uri(row.served, sample.content_type),
        )
        for row, policy in zip(rows, policies, strict=True)
    )
    upload = _data_uri(sample.data, sample.content_type)
    return Exhibit(sample.key, size, upload, len(sample.data), tuple(outcomes))


def write(
    path: Path, exhibits: Sequence[Exhibit], policies: Sequence[Policy], sums: Sequence[Totals]
) -> None:
    """Write the page, atomically.

    Args:
        path: destination.
        exhibits: images in order.
        policies: the policies.
        sums: totals of each policy.

    Raises:
        OSError: the page cannot be written.
    """
    shown = [
        (str(policy.fidelity), each, list(hints.demands(policy)))
        for policy, each in zip(policies, sums, strict=True)
    ]
    page = rendering.Page(_FOLDER, "demo.html", ("sliders.js",))
    context = {"exhibits": exhibits, "sums": shown, "lowest": list(_lowest(exhibits))}
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(rendering.render(context, page), "utf-8")
    draft.replace(path)


def _lowest(exhibits: Sequence[Exhibit]) -> Iterator[str]:
    """Yield the lowest score under each policy."""
    for outcomes in zip(*(each.outcomes for each in exhibits), strict=True):
        scored = [each for each in outcomes if each.score not in "=-"]
        worst = min(scored, key=lambda each: float(each.score), default=None)
        yield "=" if worst is None else worst.score


def _data_uri(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}" if data else ""
