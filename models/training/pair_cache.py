"""Keep pairs in a folder that all runs share, and make what is missing in several processes."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from models.registry.fetch import cache_folder
from models.training import pairs, parallel, softening
from models.training.pairs import Small, Source
from models.training.settings import Data

_VERSION: Final = 2  # of the layout of the cache, and of how the gateway encodes


def default_folder() -> Path:
    """Tell where pairs are kept unless another folder is named."""
    return cache_folder(os.environ) / "pairs"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides how the pairs of an original look.

    Attributes:
        data: How small images are coded.
        scale: By how much they are smaller.
        seed: Of the run.
        soft: Whether originals are softened first.
    """

    data: Data
    scale: int
    seed: int
    soft: bool = False

    def digest(self, path: Path) -> str:
        """Give the SHA-256 of everything that the pairs of an original depend on."""
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
    """Pairs in a folder.

    Attributes:
        folder: Made when it is not there; may be shared by processes.
        processes: How many make what is missing.
    """

    folder: Path
    processes: int = 1

    def load(self, paths: Sequence[Path], recipe: Recipe) -> list[Source]:
        """Give the pairs of some originals, made or kept, and then those of the softened ones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        softened = replace(recipe, soft=True)
        wanted = [(path, recipe) for path in paths]
        wanted += [(path, softened) for path in pairs.share(paths, recipe.data.soft)]
        arguments = [(*each, self.folder) for each in wanted]
        kept = parallel.results(ensure, arguments, processes=self.processes, title="pairs")
        return [_read(made, path.name) for made, (path, _) in zip(kept, wanted, strict=True)]


def ensure(path: Path, recipe: Recipe, folder: Path) -> Path:
    """Make the pairs of one original unless they are there; tell where."""
    digest = recipe.digest(path)
    kept = folder / f"{digest[:32]}.npz"
    if not kept.exists():
        seed = int(digest[:8], 16)
        # With the process in its name: another one may make the same at the same time.
        unfinished = kept.with_suffix(f".{os.getpid()}.tmp.npz")
        made = pairs.make(path, recipe.data, scale=recipe.scale, seed=seed, soft=recipe.soft)
        _save(unfinished, made)
        unfinished.replace(kept)
    return kept


def data_digest(sources: Sequence[Source]) -> str:
    """Give the SHA-256 of all originals that were learned from, in whatever order."""
    each = sorted(hashlib.sha256(source.original.data).digest() for source in sources)
    return hashlib.sha256(b"".join(each)).hexdigest()


def _save(path: Path, source: Source) -> None:
    arrays = {f"small{index}": small.pixels for index, small in enumerate(source.smalls)}
    np.savez(
        path,
        original=source.original,
        levels=np.array([small.level for small in source.smalls], np.int64),
        labels=np.array([small.label for small in source.smalls], np.str_),
        **arrays,  # type: ignore[arg-type]  # the stubs take them for allow_pickle
    )


def _read(path: Path, name: str) -> Source:
    with np.load(path, allow_pickle=False) as kept:
        smalls = tuple(
            Small(kept[f"small{index}"], int(level), str(label))
            for index, (level, label) in enumerate(zip(kept["levels"], kept["labels"], strict=True))
        )
        return Source(name, kept["original"], smalls)
