"""Sample images so that every class has small and large ones."""

import itertools
import random
from collections.abc import Sequence

from slimgate.eval.corpus.corpus import Item


def sample(items: Sequence[Item], count: int, *, seed: int) -> list[Item]:
    """Return one random image from each of ``count`` strata of equal size.

    Images are ordered by class and size, then cut into strata. Every image is equally likely to be
    chosen (up to rounding), so totals of a sample need no weights.

    Args:
        items: all images.
        count: number of images to return; at most all.
        seed: seed of the random choice.

    Returns:
        The sample, in the order of ``items``.
    """
    if count >= len(items):
        return list(items)
    order = sorted(range(len(items)), key=lambda i: (items[i].kind, items[i].bytes, items[i].name))
    draw = random.Random(seed)  # noqa: S311  # sampling must be reproducible, not secret
    edges = [number * len(order) // count for number in range(count + 1)]
    taken = [order[draw.randrange(low, high)] for low, high in itertools.pairwise(edges)]
    return [items[index] for index in sorted(taken)]
