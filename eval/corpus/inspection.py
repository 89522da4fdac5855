"""Inspect an image before measuring it: its format, and whether slimgate parses it."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from slimgate.codec.containers import SNIFFED, sniff
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.reasons import Refused
from slimgate.codec.restore import payload
from slimgate.codec.search.eligibility import parse_eligible
from slimgate.config import Policy
from slimgate.eval.compare.coders import Source


class Broken(Exception):
    """A file is not a measurable image; the message says why."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Result of inspecting a file.

    Attributes:
        format: format, as Pillow names it.
        width: width, pixels.
        height: height, pixels.
        source: decoded image; None if slimgate passes the file through.
        reason: why it is passed through.
    """

    format: str
    width: int
    height: int
    source: Source | None
    reason: str = ""


def look(data: bytes, policy: Policy) -> Inspection:
    """Decode a file as the gateway would.

    Args:
        data: upload, untrusted.
        policy: policy whose limits apply.

    Raises:
        Broken: the file is empty, not an image, or damaged.
    """
    if not data:
        raise Broken("the file is empty (0 bytes)")
    try:
        upload = parse_eligible(data, policy)
        pixels = decode_as(upload, data)
    except Refused as reason:
        return _opened(data, policy, str(reason))
    except (OSError, ValueError, SyntaxError) as error:
        if sniff(data[:SNIFFED]) == "image/jpeg":
            return _opened(data, policy, f"cannot be decoded: {error}")
        raise Broken(f"cannot be decoded: {error}") from error
    packed = payload.pack(upload.metadata, upload.icc, pixels=upload.width * upload.height)
    source = Source(upload, pixels, packed, len(data))
    return Inspection(upload.format, upload.width, upload.height, source)


def _opened(data: bytes, policy: Policy, reason: str) -> Inspection:
    """Inspect a file that is passed through; it must be an image nevertheless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about oddities of files; sizes are checked here
        try:
            with Image.open(io.BytesIO(data)) as image:
                seen = Inspection(image.format or "", *image.size, None, reason)
                # The gateway stores JPEG files byte for byte, even if they are cut short.
                is_bytes = sniff(data[:SNIFFED]) == "image/jpeg"
                if not is_bytes and image.width * image.height <= policy.limits.max_pixels:
                    image.load()
        except UnidentifiedImageError as error:
            raise Broken("is not an image of any known format") from error
        except Image.DecompressionBombError as error:
            raise Broken("has too many pixels to decode") from error
        except Exception as error:  # decoders raise any exception
            raise Broken(f"cannot be decoded: {type(error).__name__}: {error}") from error
    return seen
