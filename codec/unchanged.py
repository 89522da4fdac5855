"""Renditions without loss: of the tier ``exact``, which gives back the file, or ``lossless``."""

import hashlib
from collections.abc import Collection

from codec import exact, lossless
from codec.chosen import IDENTICAL, Chosen
from codec.containers import Container
from codec.lossless import Task
from codec.manifest import Output, Stored
from codec.restore import content_digest, file_digest


def of_jpeg(data: bytes, size: tuple[int, int], *, max_stored: int) -> Chosen | None:
    """Store a JPEG file so that it returns byte for byte.

    Args:
        data: The upload.
        size: Width and height in pixels, which have been checked.
        max_stored: Bytes that a rendition may have to be worth storing.

    Returns:
        None when it cannot be reproduced, or is not small enough.
    """
    rendition = exact.transcode(data)
    if rendition is None or len(rendition) > max_stored:
        return None
    stored = Stored(tier="exact", codec="jxl", quality=100, scale=1, restorer=None)
    return Chosen(rendition, size, stored, None, _sha256(data), file_digest(data), IDENTICAL)


def of_png(task: Task, tiers: Collection[str]) -> Chosen | None:
    """Store a PNG file so that its pixels, its chunks and mostly its very bytes return.

    What returns byte for byte is ``exact`` and serves a policy that asks for either tier.

    Args:
        task: The file, and what is demanded.
        tiers: What the policy allows.

    Returns:
        None when it is not small enough, or only an identical file would do.
    """
    if not {"exact", "lossless"}.intersection(tiers):
        return None
    found = lossless.store(task)
    if found is None:
        return None
    whole = found.served == task.data
    if not whole and "lossless" not in tiers:
        return None
    stored = Stored(
        tier="exact" if whole else "lossless",
        codec=found.codec,
        quality=100,
        scale=1,
        restorer=None,
    )
    return Chosen(
        rendition=found.rendition,
        size=(task.upload.width, task.upload.height),
        stored=stored,
        output=_output(task.upload),
        sha256=_sha256(found.served),
        content=content_digest(task.upload.kept, task.pixels),
        fidelity=IDENTICAL,
    )


def _output(upload: Container) -> Output:
    return Output(
        format=upload.format, mode=upload.mode, quality=100, subsampling=None, progressive=False
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
