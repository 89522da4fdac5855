"""The words of a report: a row for each image and strategy, and everything about the run beside.

A run writes into its folder, and :func:`load` reads back:

``results.jsonl``
    One :class:`Row` per line, in the order in which images were finished. Lines are whole or, where
    the run was ended in the middle of the last one, not there.
``study.json``
    Everything of :class:`Study` but its rows.

Every image of the corpus has a row of the strategy ``policy``. One that could not be measured at
all has no other; its row says why in ``problem``. Where a single strategy does not apply to an
image, that row has a ``problem`` of its own: it is left out of means, and whoever compares two
strategies takes the images that both of them measured.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from codec.image.pixels import Pixels
from eval.compare.strategies import POLICY, rank

ROWS: Final = "results.jsonl"
"""Name of the file that holds the rows."""

STUDY: Final = "study.json"
"""Name of the file that holds what is known of the run."""

PLAIN: Final = "plain"
"""Tier of what is stored as it was uploaded."""


class BrokenResult(ValueError):
    """A folder does not hold the result of a run; the message says which file, and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one image under one strategy.

    All measures compare the file that a reader gets with the upload, at the upload's resolution.
    For the policy and its tiers that is the file that GET serves; for everything else it is the
    stored file itself, enlarged where it was shrunk. With alpha, colour and alpha are measured
    apart and the worse one counts. A measure is None where it is not defined or not installed, and
    all of them are when there is a problem.

    Attributes:
        image: Name within the corpus: its path with ``/``, unique.
        kind: Class of the image; empty when there are no classes.
        strategy: One of ``eval.compare.strategies.STRATEGIES``, by name.
        uploaded: Bytes of the upload.
        stored: Bytes of what is stored; those of the upload where that is smaller.
        width: Pixels; 0 when the file could not be read.
        height: The same.
        format: Of the upload, as Pillow names it; empty when it could not be read.
        tier: ``exact``, ``lossless``, ``recode``, ``downscale`` or ``plain``.
        codec: ``avif``, ``webp``, ``jxl`` or ``jpeg``; empty when ``plain``.
        quality: On the codec's own scale, 0 to 100 (100 without loss); None when ``plain``.
        scale: Factor by which the stored image is smaller; 1: not at all.
        restorer: Name of what enlarges or cleans it; empty: nothing does.
        psnr_db: PSNR of all colour samples, dB, at most 99.99, which identical pixels are given.
        psnr_luma_db: PSNR of luma (BT.601, not rounded), dB, at most 99.99.
        ssim: Structural similarity of luma (Gaussian window, sigma 1.5); None below 11 pixels.
        ms_ssim: The same at five scales; None below 176 pixels on a side.
        orb: Share of ORB key points of the larger set that find a cross-checked match within
            Hamming distance 50, 0 to 1.
        orb_matched: Share of the cross-checked matches that are within that distance: what older
            test benches print, blind to key points that got lost.
        block_psnr_db: PSNR of the worst block of 64x64 pixels, dB.
        ssimulacra2: SSIMULACRA2, 100: no visible difference; None below 8 pixels.
        ssimulacra2_worst: The lowest SSIMULACRA2 of a region of 128x128 pixels.
        lpips: LPIPS (AlexNet), 0 is perfect; None where it is not installed.
        niqe: NIQE of the served file, lower is more natural; None where it is not installed.
        put_wall_s: Time of making what is stored, seconds; None where it was not timed.
        put_cpu_s: CPU time of the same.
        get_wall_s: Time of making the served file of what is stored; None where it was not timed.
        get_cpu_s: CPU time of the same.
        holds: Whether the floor holds; None when there is a problem.
        note: Why it is stored as uploaded, where it is.
        problem: Why it could not be measured; empty when it was.
    """

    image: str
    kind: str
    strategy: str
    uploaded: int
    stored: int
    width: int = 0
    height: int = 0
    format: str = ""
    tier: str = PLAIN
    codec: str = ""
    quality: int | None = None
    scale: int = 1
    restorer: str = ""
    psnr_db: float | None = None
    psnr_luma_db: float | None = None
    ssim: float | None = None
    ms_ssim: float | None = None
    orb: float | None = None
    orb_matched: float | None = None
    block_psnr_db: float | None = None
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None
    lpips: float | None = None
    niqe: float | None = None
    put_wall_s: float | None = None
    put_cpu_s: float | None = None
    get_wall_s: float | None = None
    get_cpu_s: float | None = None
    holds: bool | None = None
    note: str = ""
    problem: str = ""

    @property
    def measured(self) -> bool:
        """Return whether there is anything to compare."""
        return not self.problem

    @property
    def saved(self) -> float:
        """Give the share of the upload's bytes that is saved, 0 to 1."""
        return 1 - self.stored / self.uploaded if self.uploaded else 0.0

    @property
    def megapixels(self) -> float:
        """Give the size in millions of pixels."""
        return self.width * self.height / 1e6

    def dumps(self) -> str:
        """Write the row as one line of JSON, without its end."""
        return _ROW.dump_json(self).decode()


COLUMNS: Final = tuple(column.name for column in fields(Row))
"""Names of a row's fields, in the order that ``results.csv`` has them."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Which images there were.

    Attributes:
        location: Folder, CSV file or ``s3://bucket/prefix``, as it was given.
        images: How many there are.
        taken: How many of them were taken.
        classes: How many were taken of each class, by name.
        bytes: Of all images, also of those that were not taken.
    """

    location: str
    images: int
    taken: int
    classes: Mapping[str, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Study:
    """A whole result: its rows, and what somebody needs who wants to get the same ones.

    Attributes:
        corpus: Which images there were.
        policy: The policy as the configuration has it, defaults included.
        floor: What it demands, by measure; None: not demanded.
        seed: Of sampling and of bootstrapping.
        versions: Of slimgate, Python and every library that makes or measures pixels, by name.
        machine: Processor, cores, memory and system, as text, by name.
        started: When, ISO 8601 in UTC.
        seconds: How long the run took that finished it; 0 while it runs.
        cpu_seconds: CPU time of all processes of that run.
        peak_bytes: Most memory of all processes at the same time.
        rows: Everything that was measured, by image, then as the list of strategies is.
    """

    corpus: Corpus
    policy: Mapping[str, Any]
    floor: Mapping[str, float | None]
    seed: int
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    started: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    rows: tuple[Row, ...] = field(default=(), repr=False)

    def of(self, strategy: str = POLICY) -> tuple[Row, ...]:
        """Give the rows of one strategy, unmeasured ones included."""
        return tuple(row for row in self.rows if row.strategy == strategy)

    def save(self, folder: Path) -> None:
        """Write everything but the rows, which are written one by one while they are measured."""
        bare = replace(self, rows=())
        (folder / STUDY).write_bytes(_STUDY.dump_json(bare, indent=2, exclude={"rows"}) + b"\n")


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """A piece of an image to look at, in the three states that it passes through.

    Attributes:
        row: What was measured of the whole image.
        left: Of the piece in the upload, pixels.
        top: The same.
        original: The upload, uint8, (height, width, 3 or 4).
        stored: What lies in the bucket, decoded and not restored: the same piece, smaller by
            ``row.scale``.
        served: What GET gives, of the original's shape.
    """

    row: Row
    left: int
    top: int
    original: Pixels
    stored: Pixels
    served: Pixels


_ROW: Final = TypeAdapter(Row)
_STUDY: Final = TypeAdapter(Study)


def load(folder: Path) -> Study:
    """Read the result of a run.

    Raises:
        BrokenResult: There is none in this folder, or it is damaged.
    """
    try:
        study = _STUDY.validate_json((folder / STUDY).read_bytes())
        return replace(study, rows=ordered(load_rows(folder / ROWS)))
    except OSError as error:
        raise BrokenResult(f"{error.filename}: {error.strerror}; run python -m eval") from error
    except ValidationError as error:
        raise BrokenResult(f"{folder / STUDY}: {_first(error)}; run python -m eval") from error


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Sort rows as a study has them."""
    return tuple(sorted(rows, key=lambda row: (row.image, rank(row.strategy))))


def load_rows(path: Path) -> Iterator[Row]:
    """Read rows; a last line that was not written to its end is left out.

    Raises:
        BrokenResult: A line is not a row.
        OSError: The file cannot be read.
    """
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last end of a line is torn
    for number, line in enumerate(lines, 1):
        try:
            yield _ROW.validate_json(line)
        except ValidationError as error:
            raise BrokenResult(f"{path}, line {number}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or 'content'}: {first['msg']}"
