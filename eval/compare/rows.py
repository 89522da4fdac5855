"""The data of a report: a row per image and strategy, and the metadata of the run.

A run writes two files into its folder, and :func:`load` reads them:

``results.jsonl``
    One :class:`Row` per line, in the order in which images finished. If a run was killed, the last
    line may be truncated.
``study.json``
    :class:`Study` without its rows.

Every image of the corpus has a row of the strategy ``policy``. An image that could not be measured
has only that row; its ``problem`` says why. If a single strategy does not apply to an image, its
row has a ``problem``, is left out of means, and is excluded from comparisons with that strategy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from slimgate.codec.image.pixels import Pixels
from slimgate.eval.compare.strategies import POLICY, rank

ROWS: Final = "results.jsonl"
"""Name of the file with the rows."""

STUDY: Final = "study.json"
"""Name of the file with the metadata of the run."""

PLAIN: Final = "plain"
"""Tier of images stored as uploaded."""


class BrokenResult(ValueError):
    """A folder does not contain the result of a run; the message says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one strategy on one image.

    All measures compare the served file with the upload at the upload's resolution. For the policy
    and its tiers that is the file that GET serves; for other strategies it is the stored file,
    enlarged if it was shrunk. Colour and alpha are measured separately, and the worse value
    counts. A measure is None if it is undefined or not installed; all are None if there is a
    problem.

    Attributes:
        image: unique name within the corpus: path with ``/``.
        kind: class of the image; empty without classes.
        strategy: name of one of ``slimgate.eval.compare.strategies.STRATEGIES``.
        uploaded: size of the upload, bytes.
        stored: bytes stored; the size of the upload if that is smaller.
        width: width, pixels; 0 if the file is unreadable.
        height: height, pixels; 0 if the file is unreadable.
        format: format of the upload, as Pillow names it; empty if unreadable.
        tier: ``exact``, ``lossless``, ``recode``, ``downscale`` or ``plain``.
        codec: ``avif``, ``webp``, ``jxl`` or ``jpeg``; empty for ``plain``.
        quality: quality on the codec's scale, 0 to 100 (100: lossless); None for ``plain``.
        scale: factor by which the stored image is smaller; 1: full size.
        restorer: name of the restorer; empty: none.
        psnr_db: PSNR of all colour samples, dB, capped at 99.99, the value of identical pixels.
        psnr_luma_db: PSNR of unrounded BT.601 luma, dB, capped at 99.99.
        ssim: SSIM of luma (Gaussian window, sigma 1.5); None below 11 pixels.
        ms_ssim: MS-SSIM of luma at five scales; None below 176 pixels on a side.
        orb: share of ORB key points of the larger set with a cross-checked match within Hamming
            distance 50, 0 to 1.
        orb_matched: share of cross-checked matches within that distance, as older benchmarks print;
            ignores lost key points.
        block_psnr_db: PSNR of the worst block of 64x64 pixels, dB.
        ssimulacra2: SSIMULACRA2, 100: no visible difference; None below 8 pixels.
        ssimulacra2_worst: lowest SSIMULACRA2 of a region of 128x128 pixels.
        lpips: LPIPS (AlexNet), 0: identical; None if not installed.
        niqe: NIQE of the served file, lower is more natural; None if not installed.
        put_wall_s: wall-clock time to encode, seconds; None if not timed.
        put_cpu_s: CPU time to encode, seconds.
        get_wall_s: wall-clock time to restore, seconds; None if not timed.
        get_cpu_s: CPU time to restore, seconds.
        holds: whether the floor holds; None if there is a problem.
        curve: bytes and SSIMULACRA2 of the strategy's codec at several qualities, lowest first;
            only for strategies at equal SSIMULACRA2.
        obstacle: what kept the image from a tier with loss; empty if nothing did. Of the policy.
        could: bytes that the policy would store of the same pixels in an ordinary JPEG file; None
            if the form of the file is no obstacle, or the pixels cannot be read.
        note: why the image is stored as uploaded, if it is.
        problem: why the image could not be measured; empty if it was.
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
    curve: tuple[tuple[int, float], ...] = ()
    obstacle: str = ""
    could: int | None = None
    note: str = ""
    problem: str = ""

    @property
    def measured(self) -> bool:
        """Return whether the row has measures."""
        return not self.problem

    @property
    def saved(self) -> float:
        """Return the share of bytes saved, 0 to 1."""
        return 1 - self.stored / self.uploaded if self.uploaded else 0.0

    @property
    def megapixels(self) -> float:
        """Return the size in megapixels."""
        return self.width * self.height / 1e6

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Row":
        """Return the row that :meth:`dumps` wrote, from its JSON object.

        Raises:
            ValueError: it is no row.
        """
        return _ROW.validate_python(values)

    def dumps(self) -> str:
        """Return the row as one line of JSON, without a line break."""
        return _ROW.dump_json(self).decode()


COLUMNS: Final = tuple(column.name for column in fields(Row))
"""Names of row fields, in the order of ``results.csv``."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The images of a study.

    Attributes:
        location: folder, CSV file or ``s3://bucket/prefix``, as passed by the user.
        images: number of images.
        taken: number of images measured.
        classes: number of images measured, by class.
        bytes: size of all images, measured or not.
    """

    location: str
    images: int
    taken: int
    classes: Mapping[str, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Study:
    """A complete result: its rows, and what is needed to reproduce them.

    Attributes:
        corpus: the images.
        policy: policy as configured, defaults included.
        floor: minimum of each measure; None: none.
        seed: seed of sampling and bootstrapping.
        versions: versions of slimgate, Python and every library that creates or measures pixels.
        machine: processor, cores, memory and system, as text.
        started: start of the run, ISO 8601 in UTC.
        seconds: duration of the run that finished the study; 0 while running.
        cpu_seconds: CPU time of all processes of that run.
        peak_bytes: peak memory of all processes together.
        rows: all rows, by image, then in the order of strategies.
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
        """Return the rows of one strategy, unmeasured ones included."""
        return tuple(row for row in self.rows if row.strategy == strategy)

    def save(self, folder: Path) -> None:
        """Write the metadata; rows are appended to their file while images are measured."""
        bare = replace(self, rows=())
        (folder / STUDY).write_bytes(_STUDY.dump_json(bare, indent=2, exclude={"rows"}) + b"\n")


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A crop of an image: uploaded, stored and served.

    Attributes:
        row: measures of the whole image.
        left: left edge of the crop in the upload, pixels.
        top: top edge of the crop in the upload, pixels.
        original: crop of the upload, uint8, (height, width, 3 or 4).
        stored: the same crop of the decoded rendition before restoring, smaller by ``row.scale``.
        served: the same crop of the served file, in the shape of the original.
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
    """Load the result of a run.

    Raises:
        BrokenResult: the folder has no result, or it is damaged.
    """
    try:
        study = _STUDY.validate_json((folder / STUDY).read_bytes())
        return replace(study, rows=ordered(load_rows(folder / ROWS)))
    except OSError as error:
        raise BrokenResult(f"{error.filename}: {error.strerror}; run slimgate eval") from error
    except ValidationError as error:
        raise BrokenResult(f"{folder / STUDY}: {_first(error)}; run slimgate eval") from error


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows in the order of a study."""
    return tuple(sorted(rows, key=lambda row: (row.image, rank(row.strategy))))


def load_rows(path: Path) -> Iterator[Row]:
    """Yield rows; a truncated last line is skipped.

    Raises:
        BrokenResult: a line is not a row.
        OSError: the file cannot be read.
    """
    lines = path.read_bytes().split(b"\n")[:-1]  # the rest is a truncated line
    for number, line in enumerate(lines, 1):
        try:
            yield _ROW.validate_json(line)
        except ValidationError as error:
            raise BrokenResult(f"{path}, line {number}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or 'content'}: {first['msg']}"
