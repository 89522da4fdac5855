"""Encode restored pixels as the served file, in the upload's format and exact size."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
from PIL import Image

from slimgate.codec.containers import Container, DoesNotFit, assemble
from slimgate.codec.image.flatten import flattened, is_drawn
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.sample import Sample
from slimgate.codec.image.saving import save
from slimgate.codec.manifest import Output
from slimgate.codec.restore import indexed, jpeg_file, png_file
from slimgate.codec.threads import ALONE, Threads

# Best first. Steps are fine where they cost few bytes, coarse where they cost many.
_QUALITIES: Final = (98, 96, 95, 94, 93, 92, 91, 90, 88, 86, 84, 82, 80, 77, 74, 70, 65, 60, 50)
# Compression levels, fastest first: the file is padded to the uploaded size anyway. The value is
# the smallest share of bytes that higher levels leave.
_PNG_LEVELS: Final = {1: 0.55, 6: 0.8, 10: 1.0}
_PNG_UNFILTERED: Final = 9
_PNG_STEPS: Final = (2, 3, 4, 5, 8)
_PNG_NEAR: Final = (4, 8, 16)
_PNG_LARGE: Final = 500_000  # pixels from which bands are tried first
_PNG_BANDS: Final = 8
_PNG_BAND_ROWS: Final = 16
_PNG_DOUBT: Final = 1.08
"""Size of bands, relative to their share of the bytes, beyond which the whole is not tried: of 51
variants of six images, the whole had 0.95 to 1.16 times the bytes that its bands predict."""
_PNG_EVERY: Final = 4
"""Distance of the rows that tell which variant of a PNG changes the least."""
_LOSSY_SUBSAMPLINGS: Final = ("4:4:4", "4:2:2", "4:2:0")

_JPEG_DOUBT: Final = 1.01
"""Expected size of a JPEG, relative to the room, beyond which it is not tried."""

_SAMPLED: Final = 0.15  # maximum share of an image for which trying its sample first saves time


def encode(pixels: Pixels, output: Output, *, metadata: bytes, size: int) -> bytes:
    """Encode the served file.

    Args:
        pixels: uint8, (height, width[, channels]), matching ``output.mode``.
        output: format and parameters.
        metadata: header segments of the upload.
        size: required size of the file, bytes.

    Raises:
        DoesNotFit: the file cannot have exactly ``size`` bytes.
    """
    if output.indexed:
        written = indexed.encode(pixels, metadata, output.quality)
    else:
        written = _WRITERS[output.format](pixels, output, size)
    return assemble(output.format, written, metadata, size, padding=output.padding)


def fit(
    pixels: Pixels, upload: Container, size: int, threads: Threads = ALONE
) -> tuple[Output, bytes]:
    """Find the best parameters with which the served file has exactly ``size`` bytes.

    Returns:
        The parameters, and the file.

    Raises:
        DoesNotFit: even the worst parameters exceed the size.
    """
    if upload.palette:
        parameters = _candidates(upload, [indexed.LEVEL])[0]
        return parameters, encode(pixels, parameters, metadata=upload.metadata, size=size)
    if upload.format == "PNG":
        return _fit_png(pixels, upload, size)
    return _best_that_fits(pixels, _candidates(upload, _QUALITIES), upload.metadata, size, threads)


def _candidates(
    upload: Container, qualities: Sequence[int], *, step: int = 1, near: int = 0
) -> list[Output]:
    return [
        Output.model_validate(
            {
                "format": upload.format,
                "mode": upload.mode,
                "quality": quality,
                "subsampling": _subsampling(upload),
                "progressive": upload.progressive,
                "step": step,
                "near": near,
                "deep": upload.deep,
                "indexed": bool(upload.palette),
                "padding": "end" if upload.format == "JPEG" else "header",
            }
        )
        for quality in qualities
    ]


def _subsampling(upload: Container) -> str | None:
    if upload.format != "JPEG" or upload.mode == "L":
        return None
    # Rare layouts (4:4:0, 4:1:1) cannot be written; full chroma loses nothing.
    return upload.subsampling if upload.subsampling in _LOSSY_SUBSAMPLINGS else "4:4:4"


def _fit_png(pixels: Pixels, upload: Container, size: int) -> tuple[Output, bytes]:
    """Return the finest variant, then the fastest level, at which a PNG is small enough.

    Noise of lossy codecs in flat areas is the worst case for PNG. Rounding colours to multiples of
    2 to 8 removes most of it, as does snapping to common colours in drawings.
    """
    part, share = _bands(pixels), 0.0
    for outputs in _png_ways(pixels, upload):
        if share and len(png_file.write(part, outputs[-1], size)) > _PNG_DOUBT * share * size:
            continue
        for output in outputs:
            data = png_file.write(pixels, output, size)
            try:
                return output, assemble("PNG", data, upload.metadata, size)
            except DoesNotFit:
                if part is not pixels and not share:
                    share = len(png_file.write(part, output, size)) / len(data)
                if len(data) * _PNG_LEVELS.get(output.quality, 1.0) > size:
                    break
    raise DoesNotFit(f"not even steps of {_PNG_STEPS[-1]} fit {size} bytes")


def _bands(pixels: Pixels) -> Pixels:
    """Return bands of rows from all over a large image, which compress about like the whole."""
    height, width = pixels.shape[:2]
    if height * width < _PNG_LARGE or height < 2 * _PNG_BANDS * _PNG_BAND_ROWS:
        return pixels
    tops = [number * height // _PNG_BANDS for number in range(_PNG_BANDS)]
    return np.concatenate([pixels[top : top + _PNG_BAND_ROWS] for top in tops])


def _png_ways(pixels: Pixels, upload: Container) -> Iterator[list[Output]]:
    """Yield the variants of a PNG file, each with its levels: unchanged, then by squared error.

    Of ten drawings and screenshots, the variant with the smaller error had the higher SSIMULACRA2
    score in all but a few close cases; which one that is depends on the image.
    """
    yield _candidates(upload, [*_PNG_LEVELS])
    rows = pixels[::_PNG_EVERY]
    near = _PNG_NEAR if is_drawn(pixels) else ()
    errors = {(step, 0): _squared_error(rows, png_file.rounded(rows, step)) for step in _PNG_STEPS}
    errors |= {(1, each): _squared_error(rows, flattened(rows, each)) for each in near}
    for step, each in sorted(errors, key=lambda way: errors[way]):
        # Where much is flat, no filter is best.
        levels = [_PNG_UNFILTERED] if each else [*_PNG_LEVELS]
        yield _candidates(upload, levels, step=step, near=each)


def _squared_error(one: Pixels, other: Pixels) -> float:
    return float(np.square(one.astype(np.float32) - other).mean())


def _best_that_fits(
    pixels: Pixels, outputs: Sequence[Output], metadata: bytes, size: int, threads: Threads
) -> tuple[Output, bytes]:
    """Search by bisection: what fits at one quality fits at lower ones, except small gaps."""
    found: tuple[Output, bytes] | None = None
    low, high = 0, len(outputs)
    sample = Sample.of(pixels)
    part = None if sample.share > _SAMPLED else sample
    expected = None if part is None else _expected(part, outputs, size - len(metadata))
    attempt = partial(_fitted, pixels, part, metadata=metadata, size=size)
    # Mostly the one before does not fit, which has to be tried as well.
    ahead = [min(expected, high - 1) - 1] if expected else []
    finer = {each: threads.start(partial(attempt, outputs[each])) for each in ahead}
    while low < high:
        middle = (low + high) // 2
        if expected is not None:
            middle = min(max(low, expected), high - 1)  # continue linearly from there
        elif low == 0 and high == len(outputs):
            middle = 0  # smoothed pixels mostly fit immediately
        try:
            found = finer[middle]() if middle in finer else attempt(outputs[middle])
            high = middle
        except DoesNotFit:
            low = middle + 1
    if found is None:
        raise DoesNotFit(f"not even quality {outputs[-1].quality} fits {size} bytes")
    return found


def _fitted(
    pixels: Pixels, sample: Sample | None, output: Output, *, metadata: bytes, size: int
) -> tuple[Output, bytes]:
    """Write the file in one pass if that fits: GET does it again each time.

    Raises:
        DoesNotFit: it does not fit in any way.
    """
    if output.format == "JPEG" and not output.progressive:
        quick = output.model_copy(update={"huffman": "standard"})
        written = jpeg_file.write(pixels, quick, size)
        with contextlib.suppress(DoesNotFit):
            return quick, assemble("JPEG", written, metadata, size, padding=output.padding)
        if sample and _optimal_share(sample, output, quick) * len(written) > _JPEG_DOUBT * size:
            raise DoesNotFit("optimal tables save too little")
    return output, encode(pixels, output, metadata=metadata, size=size)


def _optimal_share(sample: Sample, output: Output, quick: Output) -> float:
    """Return the expected size of a JPEG with optimal tables, relative to standard ones."""
    size = sample.pixels.size
    best, usual = (len(jpeg_file.write(sample.pixels, each, size)) for each in (output, quick))
    return best / usual


def _expected(sample: Sample, outputs: Sequence[Output], room: int) -> int:
    """Return the first parameters expected to fit, from a sample."""
    write, part = _WRITERS[outputs[0].format], room * sample.share
    low, high = 0, len(outputs)
    while low < high:
        middle = (low + high) // 2
        if len(write(sample.pixels, outputs[middle], room)) <= part:
            high = middle
        else:
            low = middle + 1
    return low


def _write_webp(pixels: Pixels, output: Output, _size: int) -> bytes:
    # ``exact`` keeps colours under transparent alpha, which are also measured.
    return _save(pixels, "WEBP", quality=output.quality, alpha_quality=100, method=4, exact=True)


def _save(pixels: Pixels, format_: str, **options: object) -> bytes:
    return save(Image.fromarray(pixels), format_, **options)


_WRITERS: Final[dict[str, Callable[[Pixels, Output, int], bytes]]] = {
    "JPEG": jpeg_file.write,
    "PNG": png_file.write,
    "WEBP": _write_webp,
}
