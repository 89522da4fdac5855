"""Cache pairs in a folder shared by all runs, and create missing ones in several processes."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from slimgate.models.registry.fetch import cache_folder
from slimgate.models.training import pairs, parallel, softening
from slimgate.models.training.data_settings import Data
from slimgate.models.training.pairs import Small, Source

_VERSION: Final = 2  # of the cache layout, and of the gateway's encoding


def default_folder() -> Path:
    """Return the default folder of pairs."""
    return cache_folder(os.environ) / "pairs"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the pairs of an original depend on.

    Attributes:
        data: coding of small images.
        scale: downscale factor.
        seed: seed of the run.
        soft: soften originals first.
    """

    data: Data
    scale: int
    seed: int
    soft: bool = False

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of everything that the pairs of an original depend on."""
        parts: list[object] = [
            _VERSION,
            hashlib.sha256(path.read_bytes()).hexdigest(),
            [coding.model_dump(mode="json") for coding in self.data.codings],
            self.data.variants,
            self.data.max_pixels,
            self.scale,
            self.seed,
            softening.VERSION if self.soft else False,
        ]
        if self.data.degradations is not None:
            parts.append(self.data.degradations.model_dump(mode="json"))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PairCache:
    """A folder of pairs.

    Attributes:
        folder: created if missing; may be shared by processes.
        processes: number of processes that create missing pairs.
    """

    folder: Path
    processes: int = 1

    def load(self, paths: Sequence[Path], recipe: Recipe) -> list[Source]:
        """Return the pairs of originals, cached or created, then those of softened originals."""
        self.folder.mkdir(parents=True, exist_ok=True)
        softened = replace(recipe, soft=True)
        wanted = [(path, recipe) for path in paths]
        wanted += [(path, softened) for path in pairs.share(paths, recipe.data.soft)]
        arguments = [(*each, self.folder) for each in wanted]
        kept = parallel.results(ensure, arguments, processes=self.processes, title="pairs")
        return [_read(made, path.name) for made, (path, _) in zip(kept, wanted, strict=True)]


def ensure(path: Path, recipe: Recipe, folder: Path) -> Path:
    """Create the pairs of an original if missing; return their path."""
    digest = recipe.digest(path)
    kept = folder / f"{digest[:32]}.npz"
    if not kept.exists():
        seed = int(digest[:8], 16)
        # The process ID avoids clashes with another process that creates the same pairs.
        unfinished = kept.with_suffix(f".{os.getpid()}.tmp.npz")
        made = pairs.make(path, recipe.data, scale=recipe.scale, seed=seed, soft=recipe.soft)
        _save(unfinished, made)
        unfinished.replace(kept)
    return kept


def data_digest(sources: Sequence[Source]) -> str:
    """Return the SHA-256 of all training originals, in any order."""
    each = sorted(hashlib.sha256(source.original.data).digest() for source in sources)
    return hashlib.sha256(b"".join(each)).hexdigest()


def _save(path: Path, source: Source) -> None:
    arrays = {f"small{index}": small.pixels for index, small in enumerate(source.smalls)}
    np.savez(
        path,
        original=source.original,
        levels=np.array([small.level for small in source.smalls], np.int64),
        labels=np.array([small.label for small in source.smalls], np.str_),
        **arrays,  # type: ignore[arg-type]  # the stubs confuse them with allow_pickle
    )


def _read(path: Path, name: str) -> Source:
    with np.load(path, allow_pickle=False) as kept:
        smalls = tuple(
            Small(kept[f"small{index}"], int(level), str(label))
            for index, (level, label) in enumerate(zip(kept["levels"], kept["labels"], strict=True))
        )
        return Source(name, kept["original"], smalls)
