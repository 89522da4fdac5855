"""What a recipe gives, and what bounds it."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from slimgate.codec import manifest

MAX_SAMPLES: Final = 16 * manifest.MAX_PIXELS
"""Maximum samples of all pictures of a file: within the default limit of work, no more than 1.2
billion are stored, and a recipe may have 65,535 pictures."""

_PADDING: Final = 1 << 22


class Rebuilt(NamedTuple):
    """A file, and the digest of what it was made from."""

    served: bytes
    content: str


def is_plausible(picture: int, image: int) -> bool:
    """Return whether a picture is at most as large as an image in whole tiles.

    Args:
        picture: pixels of the picture.
        image: pixels of the largest image of the file.
    """
    return picture <= 2 * image + _PADDING


def content_digest(recipe: bytes, digests: Sequence[bytes]) -> str:
    """Return a digest of recipe and pictures, independent of coders: 32 hex digits."""
    return hashlib.sha256(recipe + b"".join(digests)).hexdigest()[:32]
