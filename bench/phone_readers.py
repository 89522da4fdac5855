"""What other programs find in files of phones: metadata, videos, HDR pictures.

exiftool (Debian: libimage-exiftool-perl) reads metadata and trailers; libultrahdr, Google's own
decoder, in imagecodecs, computes HDR pictures of Ultra HDR and ISO 21496-1, not of Apple's maps.
"""

import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Literal

import imagecodecs
import numpy as np
import numpy.typing as npt

Light = npt.NDArray[np.float64]
"""Linear light, (height, width, 3); 1 is white of the first picture."""

Scale = Literal["pq", "linear"]

_WHITE: Final = 203.0  # cd/m2, ITU-R BT.2408
_OF_THE_DAY: Final = ("[System]", "[ExifTool]")
"""Groups that describe the file on disk and the program."""

_LENGTHS: Final = ("-MicroVideoOffset", "-DirectoryItemLength")


def has_exiftool() -> bool:
    """Return whether exiftool is installed."""
    return shutil.which("exiftool") is not None


def described(data: bytes) -> list[str]:
    """Return everything that exiftool finds in a file, a line per tag."""
    lines = _exiftool(data, "-a", "-G1", "-s").decode(errors="replace").splitlines()
    return [line for line in lines if not line.startswith(_OF_THE_DAY)]


def video(data: bytes) -> bytes:
    """Return the video of a motion photo, b"" without one.

    Samsung's is taken out by exiftool; others end the file, as long as their XMP says.
    """
    if found := _exiftool(data, "-b", "-EmbeddedVideoFile"):
        return found
    said = _exiftool(data, "-a", "-s3", "-MotionPhoto", "-MicroVideo", *_LENGTHS).split()
    return data[len(data) - int(said[-1]) :] if said[:1] == [b"1"] and len(said) > 1 else b""


def hdr_light(data: bytes) -> Light | None:
    """Return the HDR picture that libultrahdr computes, None if it finds no gain map.

    Raises:
        RuntimeError: libultrahdr is missing.
    """
    if not imagecodecs.ULTRAHDR.available:
        raise RuntimeError("imagecodecs has no libultrahdr")
    try:
        return np.asarray(imagecodecs.ultrahdr_decode(data)[..., :3], np.float64)
    except imagecodecs.UltrahdrError:
        return None


def hdr_psnr(before: Light, after: Light, scale: Scale = "pq") -> float:
    """Return the PSNR of two HDR pictures, dB; infinite for equal ones.

    Args:
        before: HDR picture of the upload.
        after: HDR picture of the served file.
        scale: PQ (SMPTE ST 2084, white at 203 cd/m2), whose equal steps are about equally visible;
            or linear light. The peak is the brightest light of the upload.
    """
    lights = before, after, np.array(before.max())
    one, other, top = (_pq(each) if scale == "pq" else each for each in lights)
    error = float(np.mean((one - other) ** 2))
    return 10 * math.log10(float(top) ** 2 / error) if error else math.inf


def _pq(light: Light) -> Light:
    powered = np.clip(light * _WHITE / 10_000, 0, 1) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375)


def _exiftool(data: bytes, *arguments: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="exiftool-") as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(data)
        command = ["exiftool", *arguments, str(path)]
        return subprocess.run(command, capture_output=True, check=False).stdout
