"""Forms in which the samples of a PNG file are stored: flags, recorded with the file's layout."""

from typing import Final

import numpy as np

from slimgate.codec.containers import Malformed
from slimgate.codec.containers.png_parts import Header
from slimgate.codec.image.pixels import Pixels, Samples

AS_IS: Final = 0
HALVED: Final = 1
"""Of 16 bits, both bytes of each sample are equal; one of them is stored."""

OPAQUE: Final = 2
"""Alpha is nowhere below its maximum, and not stored."""

EXPANDED: Final = 4
"""Instead of indices, the colours of the palette are stored; the first with a colour is meant."""

_PALETTE: Final = 3  # colour type
_BAND_ROWS: Final = 128  # bounds temporary memory


def check(form: int, header: Header) -> None:
    """Check that a form fits an image header.

    Raises:
        Malformed: it does not.
    """
    possible = HALVED if header.depth == 16 else 0
    possible |= OPAQUE if header.samples in (2, 4) else 0
    if form & ~possible and (form, header.colour) != (EXPANDED, _PALETTE):
        raise Malformed("form does not fit the image header")


def shape(form: int, header: Header) -> tuple[int, int]:
    """Return the stored samples of a pixel, and the bits of each."""
    if form == EXPANDED:
        return 3, 8
    channels = header.samples - bool(form & OPAQUE)
    return channels, 16 if header.depth == 16 and not form & HALVED else 8


def usual(samples: Samples) -> int:
    """Return the form that stores least, but for colours of a palette."""
    halves = samples.dtype == np.uint16 and bool((samples >> 8 == samples & 255).all())
    alpha = samples.ndim == 3 and samples.shape[2] in (2, 4)
    opaque = alpha and bool((samples[..., -1] == np.iinfo(samples.dtype).max).all())
    return (HALVED if halves else 0) | (OPAQUE if opaque else 0)


def stored(samples: Samples, form: int) -> Samples:
    """Return the samples to store in a form of :func:`usual`."""
    if form & OPAQUE:
        samples = samples[..., 0] if samples.shape[2] == 2 else samples[..., :3]
    return samples.astype(np.uint8) if form & HALVED else samples


def expanded(samples: Samples, palette: bytes) -> Pixels | None:
    """Return the colours of indices, uint8, (height, width, 3); None if these do not return.

    Args:
        samples: indices.
        palette: colours, three bytes each.
    """
    colours = _colours(palette)
    if not len(colours) or int(samples.max()) >= len(colours):
        return None
    pixels = np.asarray(colours[samples])
    first = _first_indices(colours)
    used = np.bincount(samples.ravel(), minlength=len(colours)) > 0
    return pixels if (first[used] == np.flatnonzero(used)).all() else None


def restored(samples: Samples, form: int, palette: bytes) -> Samples:
    """Return samples of a stored form.

    Raises:
        Malformed: a colour is not in the palette.
    """
    if form == EXPANDED:
        return _indices(np.asarray(samples, np.uint8), _colours(palette))
    full = samples.astype(np.uint16) * 257 if form & HALVED else samples
    if not form & OPAQUE:
        return full
    alpha = np.full(full.shape[:2], np.iinfo(full.dtype).max, full.dtype)
    return np.dstack([full, alpha])


def _colours(palette: bytes) -> Pixels:
    return np.frombuffer(palette[: len(palette) // 3 * 3][:768], np.uint8).reshape(-1, 3)


def _first_indices(colours: Pixels) -> Pixels:
    """Return, for each colour, the first index that has it."""
    _, first, inverse = np.unique(_packed(colours), return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.uint8)


def _indices(pixels: Pixels, colours: Pixels) -> Pixels:
    known, first = np.unique(_packed(colours), return_index=True)
    found = np.empty(pixels.shape[:2], np.uint8)
    for top in range(0, len(pixels), _BAND_ROWS):
        wanted = _packed(pixels[top : top + _BAND_ROWS])
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        if not len(known) or (known[places] != wanted).any():
            raise Malformed("a colour is not in the palette")
        found[top : top + _BAND_ROWS] = first[places]
    return found


def _packed(colours: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    """Return one number for each colour."""
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    return np.asarray(red << 16 | green << 8 | blue, np.uint32)
