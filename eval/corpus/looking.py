"""Look at an image before it is measured: what it is, and whether slimgate takes it apart."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from codec.containers import header
from codec.image.pixels import decode_as
from codec.search.eligibility import Refused, admit
from config import Policy
from eval.compare.coders import Source


class Broken(Exception):
    """A file is no image that can be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file is.

    Attributes:
        format: As Pillow names it.
        width: Pixels.
        height: Pixels.
        source: Its pixels; None where slimgate passes the file through untouched.
        reason: Why it does.
    """

    format: str
    width: int
    height: int
    source: Source | None
    reason: str = ""


def look(data: bytes, policy: Policy) -> Seen:
    """Decode a file as the gateway would.

    Args:
        data: The upload, untrusted.
        policy: Whose limits count.

    Raises:
        Broken: It is empty, no image, or damaged.
    """
    if not data:
        raise Broken("the file is empty (0 bytes)")
    try:
        upload = admit(data, policy)
        pixels = decode_as(upload, data)
    except Refused as reason:
        return _opened(data, policy, str(reason))
    except (OSError, ValueError, SyntaxError) as error:
        raise Broken(f"cannot be decoded: {error}") from error
    blob = header.pack(upload.kept, upload.icc) if upload.kept else b""
    source = Source(upload, pixels, blob, len(data))
    return Seen(upload.format, upload.width, upload.height, source)


def _opened(data: bytes, policy: Policy, reason: str) -> Seen:
    """Look at what stays as it is; it must be an image for all that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd about files; sizes are checked here
        try:
            with Image.open(io.BytesIO(data)) as image:
                seen = Seen(image.format or "", *image.size, None, reason)
                if image.width * image.height <= policy.limits.max_pixels:
                    image.load()
        except UnidentifiedImageError as error:
            raise Broken("is not an image of any known format") from error
        except Image.DecompressionBombError as error:
            raise Broken("has too many pixels to be looked at") from error
        except Exception as error:  # decoders raise anything
            raise Broken(f"cannot be decoded: {type(error).__name__}: {error}") from error
    return seen
