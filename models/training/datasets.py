"""The images that a run learns from, and those that it is validated on."""

from collections.abc import Sequence
from dataclasses import dataclass

from slimgate.models.training import pairs
from slimgate.models.training.data_settings import Coding
from slimgate.models.training.errors import NoImages
from slimgate.models.training.pair_cache import PairCache, Recipe, data_digest
from slimgate.models.training.pairs import Source
from slimgate.models.training.settings import Run


@dataclass(frozen=True, slots=True)
class Data:
    """Training and validation data of a run.

    Attributes:
        learning: training pairs.
        validating: validation pairs, of other originals.
        digest: SHA-256 of the training originals.
    """

    learning: Sequence[Source]
    validating: Sequence[Source]
    digest: str


def load_data(run: Run, cache: PairCache) -> Data:
    """Load the pairs of a run; those of a downscaler, which are coded later, are lossless.

    Raises:
        NoImages: no folder is configured, or it has too few images.
    """
    if run.data.folder is None:
        raise NoImages("no folder of images: set --data DIR")
    learning, validating = pairs.split(pairs.originals(run.data.folder), run.data.validation)
    data = run.data
    if run.downscaler is not None:
        uncoded = {"codings": (Coding(codec="lossless"),), "variants": 1}
        data = data.model_copy(update=uncoded)
    learned = cache.load(learning, Recipe(data, run.scale, run.seed))
    cut = data.model_copy(update={"max_pixels": data.validation_pixels})
    validated = cache.load(validating, Recipe(cut, run.scale, run.seed))
    return Data(learned, validated, data_digest(learned))
