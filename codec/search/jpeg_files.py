"""Transcode whole JPEG files, so that they return byte for byte."""

from collections.abc import Mapping
from typing import Final

from slimgate.codec.manifest import WholeCodec
from slimgate.codec.search import lossless, memory_needs
from slimgate.codec.search.allowed_steps import EXACT, LEPTON, AllowedSteps
from slimgate.codec.search.eligibility import jpeg_sides
from slimgate.codec.search.failures import reason
from slimgate.codec.search.lossless import Attempt
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import Policy

_STEPS: Final[Mapping[WholeCodec, str]] = {"jxl": EXACT, "lepton": LEPTON, "zstd": EXACT}
"""Step of each codec that holds whole files."""


def attempt(
    data: bytes, policy: Policy, steps: AllowedSteps, most: int, *, held: int = 0
) -> Attempt:
    """Transcode a JPEG file, even one that cannot be parsed.

    Args:
        data: content of the file.
        policy: policy of the upload.
        steps: allowed steps and memory.
        most: maximum size of a rendition, bytes.
        held: memory already in use, bytes.
    """
    if EXACT in steps.ruled_out:
        steps.omit("exact", Omission.LOST)
    if "exact" not in policy.tiers or EXACT in steps.ruled_out:
        return Attempt(None, ())
    size = jpeg_sides(data, policy)
    lacking = steps.lacks(held + memory_needs.to_transcode(size[0] * size[1]))
    if lacking:
        return lossless.failed_attempt("exact", policy.exact_codec, Verdict.NEEDS_MEMORY, lacking)
    first = Attempt(None, ())
    if policy.exact_codec == "lepton":
        first = _transcoded(data, size, "lepton", steps, most)
        if first.chosen is not None:
            return first
    then = _transcoded(data, size, "jxl", steps, most)
    tried = first.trials + then.trials
    if all(trial.verdict is Verdict.DOES_NOT_RETURN for trial in tried):
        # Four components, 12 bits, arithmetic coding: large profiles and thumbnails still shrink.
        then = _transcoded(data, size, "zstd", steps, most)
        tried += then.trials
    return then._replace(trials=tried)


def _transcoded(
    data: bytes, size: tuple[int, int], codec: WholeCodec, steps: AllowedSteps, most: int
) -> Attempt:
    """Transcode a file by one codec."""
    step = _STEPS[codec]
    if step in steps.ruled_out:
        return lossless.failed_attempt("exact", codec, Verdict.FAILED, Omission.LOST.value)
    steps.mark(step)
    try:
        return lossless.of_file(data, size, codec, max_stored=most)
    except Exception as error:  # noqa: BLE001  # the library may raise any exception
        return lossless.failed_attempt("exact", codec, Verdict.FAILED, reason(error))
