"""Take a few images of many, so that small and large ones of every class are among them."""

import itertools
import random
from collections.abc import Sequence

from eval.corpus.corpus import Item


def sample(items: Sequence[Item], count: int, *, seed: int) -> list[Item]:
    """Take one image at random from each of ``count`` strata of the same number of images.

    Strata are cut from the images ordered by class and size. Each image is as likely to be taken
    as any other (but for rounding), so that sums over a sample need no weights.

    Args:
        items: All there are.
        count: How many to take; all, when there are no more.
        seed: Another one takes others.

    Returns:
        What was taken, in the order of ``items``.
    """
    if count >= len(items):
        return list(items)
    order = sorted(range(len(items)), key=lambda i: (items[i].kind, items[i].bytes, items[i].name))
    draw = random.Random(seed)  # noqa: S311  # a sample is to be repeated, not to be secret
    edges = [number * len(order) // count for number in range(count + 1)]
    taken = [order[draw.randrange(low, high)] for low, high in itertools.pairwise(edges)]
    return [items[index] for index in sorted(taken)]
