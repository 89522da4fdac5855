"""Write JPEG files of restored pixels."""

import threading
from typing import Final

import numpy as np
from imagecodecs import Jpeg8Error, jpeg8_encode
from PIL import Image, ImageFile

from slimgate.codec.containers import DoesNotFit
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.saving import save
from slimgate.codec.manifest import Output

_HEADERS: Final = 64 << 10  # more than enough for tables; progressive files have many
_long: Final = threading.Lock()


def write(pixels: Pixels, output: Output, size: int) -> bytes:
    """Write a file that has no metadata and is not padded.

    Args:
        pixels: uint8, (height, width[, 3]).
        output: parameters.
        size: size of the upload, bytes.

    Raises:
        DoesNotFit: a progressive file is much longer.
        OSError: the pixels cannot be encoded.
    """
    if output.progressive:
        return _progressive(pixels, output, size)
    try:
        return _sequential(pixels, output)
    except Jpeg8Error as error:
        raise OSError(f"cannot encode a JPEG file: {error}") from error


def _sequential(pixels: Pixels, output: Output) -> bytes:
    """Write the file that Pillow writes, which copies pixels twice before."""
    if pixels.shape[2:] not in ((), (3,)):
        raise OSError(f"a JPEG file cannot have {pixels.shape[2]} channels")
    subsampling = (output.subsampling or "4:4:4").replace(":", "")
    whole = np.ascontiguousarray(pixels)
    optimize = output.huffman == "optimal"
    return bytes(jpeg8_encode(whole, output.quality, subsampling=subsampling, optimize=optimize))


def _progressive(pixels: Pixels, output: Output, size: int) -> bytes:
    options: dict[str, object] = {
        "quality": output.quality,
        "optimize": True,
        "progressive": True,
    }
    if output.subsampling is not None:
        options["subsampling"] = output.subsampling
    try:
        return save(Image.fromarray(pixels), "JPEG", **options)
    except OSError:
        return _long_progressive(pixels, options, min(size, 4 * pixels.size))


def _long_progressive(pixels: Pixels, options: dict[str, object], room: int) -> bytes:
    # libjpeg cannot be interrupted while optimizing, and Pillow's buffer, one byte per pixel, is
    # too small for noise. Only a global of Pillow enlarges it.
    with _long:
        saved = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = room + _HEADERS
        try:
            return save(Image.fromarray(pixels), "JPEG", **options)
        except OSError as error:
            raise DoesNotFit(f"longer than {room} bytes") from error
        finally:
            ImageFile.MAXBLOCK = saved
