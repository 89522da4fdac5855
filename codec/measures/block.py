"""PSNR of the worst block, so that local damage is not averaged away."""

from typing import Final

import cv2
import numpy as np

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import psnr

_SIDE: Final = 64


def block_psnr(original: Pixels, restored: Pixels) -> float:
    """Return the PSNR of the worst block of 64x64 pixels, dB.

    The last blocks of a row or column overlap their neighbours, so that all are whole; a side
    shorter than a block is one block wide. Colour and alpha are measured separately.

    Args:
        original: uint8, (height, width[, channels]).
        restored: same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = block_psnr(original[..., :3], restored[..., :3])
        return min(colour, block_psnr(original[..., 3], restored[..., 3]))
    height, width = original.shape[:2]
    side = min(_SIDE, height), min(_SIDE, width)
    columns = np.array(_starts(width))
    worst = 0.0
    for top in _starts(height):
        rows = slice(top, top + side[0])
        squares = np.square(cv2.absdiff(original[rows], restored[rows]), dtype=np.uint16)
        by_column = squares.reshape(side[0], width, -1).sum(axis=(0, 2), dtype=np.uint64)
        upto = np.concatenate([[0], by_column.cumsum()])
        worst = max(worst, float((upto[columns + side[1]] - upto[columns]).max()))
    return psnr.decibels(worst, side[0] * side[1] * (original.size // (height * width)))


def _starts(length: int) -> list[int]:
    return [*range(0, max(length - _SIDE, 0), _SIDE), max(length - _SIDE, 0)]
