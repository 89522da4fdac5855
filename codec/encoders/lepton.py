"""Transcode JPEG files to Lepton and back, byte for byte.

Files become smaller than in JPEG XL, and no viewer opens them. The library is optional.
"""

from importlib.util import find_spec
from typing import Final

from slimgate.codec.containers import jpeg_size, lepton_header
from slimgate.codec.image import memory
from slimgate.codec.image.pixels import Undecodable

MIME: Final = "image/x-lepton"


def installed() -> bool:
    """Return whether the library is installed."""
    return find_spec("lepton_jpeg_python") is not None


def transcode(data: bytes) -> bytes:
    """Return a Lepton file.

    Args:
        data: JPEG file, untrusted. Its pixel size must have been checked.

    Raises:
        ValueError: the format cannot hold it.
        MemoryError: not enough memory.
    """
    limits = _limits(jpeg_size.read(data), len(data))
    # Partitions are for decoding in threads; one is smallest, and there is one worker per core.
    return _run("compress_bytes", data, {**limits, "max_partitions": 1})


def reconstruct(rendition: bytes, *, size: tuple[int, int], length: int) -> bytes:
    """Return the JPEG file.

    Args:
        rendition: result of :func:`transcode`, from the bucket.
        size: width and height in pixels, as in the file's frame header.
        length: size of the file, bytes.

    Raises:
        Undecodable: not such a rendition; detected before decoding where possible.
        ContainerError: not a Lepton file.
        MemoryError: not enough memory.
    """
    if lepton_header.read_size(rendition, length=length) != size:
        raise Undecodable(f"is not an image of {size[0]}x{size[1]} pixels")
    try:
        restored = _run("decompress_bytes", rendition, _limits(size, length))
    except ValueError as error:
        raise Undecodable(f"cannot reconstruct a JPEG file: {error}") from error
    if len(restored) != length:
        raise Undecodable(f"reconstructs {len(restored)} bytes, not {length}")
    return restored


def _limits(size: tuple[int, int], length: int) -> dict[str, int | str]:
    return {
        "max_jpeg_width": size[0],  # a second frame header may not be larger than the first
        "max_jpeg_height": size[1],
        "max_jpeg_file_size": length,
        "threads": "single",
    }


def _run(function: str, data: bytes, settings: dict[str, int | str]) -> bytes:
    """Call the library.

    Raises:
        ValueError: it reports an error, or panics.
    """
    import lepton_jpeg_python  # noqa: PLC0415  # optional

    try:
        return bytes(getattr(lepton_jpeg_python, function)(data, settings))
    except (RuntimeError, ValueError) as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        # The second line is a path on the machine that built the library.
        raise ValueError(str(error).partition("\n")[0]) from error
    except BaseException as error:
        # PyO3 raises panics as a class that cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"the library panicked: {error}") from error
