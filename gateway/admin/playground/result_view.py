"""Values for the result page."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from slimgate import models
from slimgate.codec.encoders import mime_of
from slimgate.codec.image.resample import small_size
from slimgate.codec.manifest import Stored
from slimgate.codec.measures.reading import Reading
from slimgate.codec.optimize import Optimized
from slimgate.codec.search import guards
from slimgate.codec.search.omissions import TIERS
from slimgate.codec.search.state import Trial
from slimgate.config import Policy
from slimgate.gateway.admin.playground import curve, formats, variants
from slimgate.gateway.admin.playground.results import Result
from slimgate.gateway.optimize import trial_rows
from slimgate.gateway.optimize.summary import fates

VIEWABLE: Final = frozenset({"image/avif", "image/jpeg", "image/png", "image/webp"})
"""Types of renditions that browsers display; JPEG XL is not among them."""

_VIEWABLE_UPLOADS: Final = VIEWABLE | {"image/bmp", "image/gif"}

# Ends of each bar: unacceptable, and indistinguishable from the original.
_SCALES: Final = {
    "ssimulacra2": ("SSIMULACRA2", "", ".1f", 30.0, 100.0),
    "ssimulacra2_worst": ("SSIMULACRA2 of the worst region", "", ".1f", 0.0, 100.0),
    "psnr_db": ("PSNR", "dB", ".2f", 20.0, 50.0),
    "ssim": ("SSIM", "", ".4f", 0.8, 1.0),
    "orb": ("ORB", "", ".3f", 0.0, 1.0),
    "block_psnr_db": ("PSNR of the worst block", "dB", ".2f", 10.0, 50.0),
    "text": ("Legible words", "", ".3f", 0.0, 1.0),
}


_CODING: Final = 4
"""Number of columns before those of the encoder's settings."""


class Measure(NamedTuple):
    """One fidelity measure.

    Attributes:
        name: Display name.
        value: Value with unit.
        floor: Floor with unit; None: none.
        share: Position of the value on its bar, 0 to 100.
        floor_share: Position of the floor; None: none.
    """

    name: str
    value: str
    floor: str | None
    share: float
    floor_share: float | None


def result_view(result: Result) -> dict[str, Any]:
    """Return the values of the template ``result.html``."""
    found = result.found
    winner = found.manifest.stored if found else None
    return {
        "result": result,
        "stored": None if found is None else len(found.rendition),
        "saved": None if found is None else 1 - len(found.rendition) / len(result.upload),
        "measures": [] if found is None else list(_measures(found, result.policy)),
        "facts": [] if found is None else list(_facts(found)),
        "identical": found is not None and found.manifest.stored.tier in ("exact", "lossless"),
        "shows_upload": result.mime in _VIEWABLE_UPLOADS,
        "stored_type": mime_of(winner.codec) if winner else None,
        "shows_stored": found is not None and mime_of(found.manifest.stored.codec) in VIEWABLE,
        "columns": _columns(result.trials),
        "rows": list(_rows(result.trials, winner)),
        "curve": curve.curve(result),
        "plot": curve,
        "yaml": variants.as_yaml(result.policy),
        "fidelities": _fidelities(result.policy),
        "tiers": TIERS,
        "format": None if result.found else formats.named(result.upload),
        "taken": formats.TAKEN,
        "fates": list(fates(result.trials, result.omitted, winner)),
        "hint": result.refusal.reason.advice if result.refusal else None,
        "demands": policy_demands(result.policy),
        "guard": _guard(result),
    }


def _columns(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Name the cells of :func:`_rows`."""
    names = trial_rows.columns(trials)
    return (*names[:_CODING], "chroma", "tuning", *names[_CODING:])


def _rows(trials: Sequence[Trial], winner: Stored | None) -> Iterator[trial_rows.Row]:
    """Yield a row per trial, with how its encoder was set."""
    for trial, row in zip(trials, trial_rows.rows(trials, winner), strict=True):
        coding = (trial.candidate.subsampling or "-", trial.candidate.tune)
        yield row._replace(cells=(*row.cells[:_CODING], *coding, *row.cells[_CODING:]))


def _fidelities(policy: Policy) -> tuple[str, ...]:
    """Return the fidelities to choose from; a floor in numbers is one more."""
    own = () if policy.fidelity else (variants.OWN,)
    return (*own, *variants.FIDELITIES)


def _guard(result: Result) -> str | None:
    """Return the guard that raised the policy's floor, as a short phrase."""
    found, refusal = result.found, result.refusal
    guard = found.manifest.guard if found else refusal.guard if refusal else None
    return guards.described(result.policy, guard) if guard else None


def policy_demands(policy: Policy) -> str:
    """Return a policy's fidelity and floor as a short phrase."""
    parts = [f"fidelity {policy.fidelity}"] if policy.fidelity else []
    for name, (title, unit, _, _, _) in _SCALES.items():
        least = getattr(policy.floor, name)
        if least is not None:
            parts.append(f"{title} {least:g} {unit}".rstrip())
    return ", ".join([*parts, f"at least {policy.min_saving:.0%} saved"])


def _measures(found: Optimized, policy: Policy) -> Iterator[Measure]:
    measured = found.manifest.measured
    values = {"psnr_db": measured.psnr_db, "ssim": measured.ssim, "orb": measured.orb}
    values |= measured.scores
    reading = _reading(found)
    extra = {"block_psnr_db": reading.block_psnr_db, "text": reading.text}
    values.update({name: value for name, value in extra.items() if value is not None})
    demanded = policy.guarded_floor(found.manifest.guard)
    for name, (title, unit, form, low, high) in _SCALES.items():
        if name not in values:
            continue
        value = values[name]
        floor = getattr(demanded, name)
        yield Measure(
            name=title,
            value=f"{value:{form}} {unit}".rstrip(),
            floor=None if floor is None else f"{floor:g} {unit}".rstrip(),
            share=_share(value, low, high),
            floor_share=None if floor is None else _share(floor, low, high),
        )


def _reading(found: Optimized) -> Reading:
    """Return the winner's measures that its manifest does not record."""
    winners = (each for each in found.trials if trial_rows.won(each, found.manifest.stored))
    trial = next(winners, None)
    return Reading() if trial is None else trial.reading


def _share(value: float, low: float, high: float) -> float:
    return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)


def _facts(found: Optimized) -> Iterator[tuple[str, str]]:
    manifest = found.manifest
    stored, output = manifest.stored, manifest.output
    yield "Tier", stored.tier
    without_loss = stored.tier in ("exact", "lossless")
    quality = "lossless" if without_loss else f"quality {stored.quality}"
    yield "Codec", f"{stored.codec}, {quality}"
    width, height = small_size(manifest.width, manifest.height, stored.scale)
    shrunk = f", downscaled ×{stored.scale}" if stored.scale > 1 else ""
    yield "Stored at", f"{width}×{height}{shrunk}"
    yield "Restorer", models.hashed(stored.restorer).name if stored.restorer else "none needed"
    if output is None or stored.tier == "exact":
        yield "GET returns", "the uploaded file, byte for byte"
        return
    sides = f"{manifest.width}×{manifest.height}"
    yield "GET returns", f"{output.format}, {sides}, {manifest.size:,} bytes"
