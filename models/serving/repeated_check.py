"""Repeat the self-check of networks while they serve: devices fail, too."""

import hashlib
from collections.abc import Collection

import numpy as np

from slimgate.models.engine import selfcheck, wire
from slimgate.models.engine.images import Images
from slimgate.models.engine.network import Busy, CannotRun, TooLate
from slimgate.models.registry import catalog

_LEVEL = 40


class RepeatedCheck:
    """Enlarges one image again and again, with each network, and compares the results.

    Loading a network compares it with its card, see :mod:`slimgate.models.engine.selfcheck`; the
    results just after that are the reference.

    Args:
        images: enlarges images.
        restorers: hashes of networks; those whose results differ between machines are left out.
    """

    def __init__(self, images: Images, restorers: Collection[str]) -> None:
        self._images = images
        cards = [catalog.hashed(content_hash) for content_hash in sorted(restorers)]
        self._cards = [card for card in cards if card.check is not None]
        self._expected: dict[str, bytes] = {}

    async def run(self) -> None:
        """Check all networks; the first call sets the reference.

        Raises:
            CannotRun: a result has changed.
            EngineError: a network failed otherwise.
        """
        for card in self._cards:
            try:
                found = await self._digest(card)
            except (Busy, TooLate):
                continue  # says nothing about the result
            if found != self._expected.setdefault(card.hash, found):
                raise CannotRun(
                    f"{card.name} no longer reproduces its result: replace the device or restart"
                )

    async def _digest(self, card: catalog.Card) -> bytes:
        small = selfcheck.pattern(card.channels - 1)
        (scale,) = card.scales
        request = wire.Request(card.hash, scale, _LEVEL, *small.shape)
        full = await self._images.enlarge(request, small)
        return hashlib.sha256(np.ascontiguousarray(full).data).digest()
