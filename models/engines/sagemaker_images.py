"""Images in the JSON of JumpStart endpoints."""

import base64
import io
import json
from typing import Final

import numpy as np
from PIL import Image

from slimgate.models.engine.network import BadResult, Pixels

CONTENT_TYPES: Final = {False: "application/json", True: "application/json;jpeg"}
"""Content types, by whether images are JPEG."""

_QUALITY: Final = 95


def packed(pixels: Pixels, *, jpeg: bool) -> str | list[list[list[int]]]:
    """Encode an image for a request.

    Args:
        pixels: uint8, (height, width, 3).
        jpeg: as base64 of a JPEG without chroma subsampling; else as nested arrays.
    """
    if not jpeg:
        arrays: list[list[list[int]]] = pixels.tolist()
        return arrays
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return base64.b64encode(file.getvalue()).decode()


def unpacked(answer: bytes, side: int) -> Pixels:
    """Decode the first image of a response, of either kind.

    Args:
        answer: JSON with ``generated_images``.
        side: expected height and width.

    Returns:
        uint8, (side, side, 3).

    Raises:
        BadResult: the response has no such image.
    """
    try:
        image = json.loads(answer)["generated_images"][0]
        pixels = _decoded(image, side) if isinstance(image, str) else np.array(image)
    except (ValueError, LookupError, TypeError, RecursionError, OSError, SyntaxError) as error:
        raise BadResult(f"the endpoint did not return an image: {error}") from error
    if pixels.shape != (side, side, 3) or pixels.dtype.kind not in "iu":
        raise BadResult(
            f"the endpoint returned {pixels.shape} {pixels.dtype}, not {side} x {side} RGB"
        )
    if pixels.min() < 0 or pixels.max() > 255:
        raise BadResult("the endpoint returned values that are not pixels")
    return pixels.astype(np.uint8)


def _decoded(text: str, side: int) -> Pixels:
    data = base64.b64decode(text, validate=True)
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
        if image.size != (side, side):  # before anything is decoded
            raise ValueError(f"{image.width} x {image.height} pixels")
        return np.asarray(image.convert("RGB"))
