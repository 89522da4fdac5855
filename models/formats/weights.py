"""Files of weights: get numbers out of them, and run nothing that is in them."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Final

import safetensors.torch
import torch

MAX_BYTES: Final = 1 << 30
"""Most bytes of a file of weights; the largest known restorers have about 400 MB."""

_ZIP: Final = b"PK\x03\x04"


class Unusable(ValueError):
    """A file holds no network that can restore images; the message says why."""


def read(path: Path, *, sha256: str | None = None) -> tuple[object, str]:
    """Read a file of weights, ``.pth`` of PyTorch or ``.safetensors``; the content decides.

    Args:
        path: The file.
        sha256: 64 hex digits that it has to have; None: any.

    Returns:
        What was saved, made of nothing but containers, numbers, strings and tensors; and the
        SHA-256 of the file.

    Raises:
        Unusable: It cannot be read, is another file, or needs code to be run.
    """
    data = _whole(path)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise Unusable(f"its SHA-256 is {digest}, not {sha256}: it is another file")
    try:
        return _unpacked(data), digest
    except Unusable:
        raise
    except Exception as error:  # both formats answer damage with errors of many kinds
        reason = str(error).strip().split("\n", 1)[0]
        raise Unusable(
            f"it is damaged, or holds more than weights; nothing in it was run ({reason})"
        ) from error


def _whole(path: Path) -> bytes:
    """Read everything once: what is hashed is what is loaded."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unusable(f"it cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Unusable(f"it has more than {MAX_BYTES} bytes")
    return data


def _unpacked(data: bytes) -> object:
    if data[8:9] == b"{":  # the header of safetensors, behind its length
        tensors: object = safetensors.torch.load(data)
        return tensors
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise Unusable(f"it unpacks to more than {MAX_BYTES} bytes")
    held: object = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return held
