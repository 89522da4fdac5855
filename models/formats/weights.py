"""Read files of weights without executing code from them."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Final

import safetensors.torch
import torch

MAX_BYTES: Final = 1 << 30
"""Maximum size of a file of weights; the largest known restorers have about 400 MB."""

_ZIP: Final = b"PK\x03\x04"


class Unusable(ValueError):
    """A file is not a usable network; the message says why."""


def read(path: Path, *, sha256: str | None = None) -> tuple[object, str]:
    """Read a file of weights, PyTorch ``.pth`` or ``.safetensors``, detected by content.

    Args:
        path: file to read.
        sha256: required SHA-256, 64 hex digits; None: any.

    Returns:
        The saved object, made of containers, numbers, strings and tensors only; and the SHA-256 of
        the file.

    Raises:
        Unusable: the file is unreadable, another file, or contains code.
    """
    data = _whole(path)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise Unusable(f"its SHA-256 is {digest}, not {sha256}: it is another file")
    try:
        return _unpacked(data), digest
    except Unusable:
        raise
    except Exception as error:  # damaged files raise many kinds of exceptions
        reason = str(error).strip().split("\n", 1)[0]
        raise Unusable(
            f"it is damaged, or contains more than weights; no code was executed ({reason})"
        ) from error


def _whole(path: Path) -> bytes:
    """Read the file once, so that the bytes hashed are the bytes loaded."""
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
