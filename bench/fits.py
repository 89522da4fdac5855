"""Fit what the search predicts, and judge the predictions on images held back.

``python -m bench.fits IMAGE... --held IMAGE... --out FILE [--jobs N] [--json FILE]`` encodes images
and samples of them with AVIF, tuned for SSIMULACRA2, at full size and downscaled, and prints
constants of :mod:`slimgate.codec.search` as fitted to them, with the errors of the constants of
today on the same images and on those held back.

``FILE`` gets a JSON line per trial, so an interrupted run continues, and a second run only fits.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Final

from bench import fit_models, journal
from bench.fit_curves import Measured
from bench.fit_models import Errors
from bench.fit_trials import Task, trials

_SCALES: Final = (2, 3, 4)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: measure what is missing, fit, and print.

    Returns:
        0.
    """
    options = _parser().parse_args(arguments)
    done = {line["image"] for line in journal.lines(options.out)}
    todo = [task for task in _tasks(options) if journal.name(task.path) not in done]
    journal.run(trials, todo, options.out, options.jobs)
    measured = Measured.of(journal.lines(options.out))
    found = {"fitted": _fitted(measured), "errors": _errors(measured)}
    sys.stdout.write("\n".join(_text(found)) + "\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", type=Path, nargs="+", metavar="IMAGE", help="image to fit to")
    add("--held", type=Path, nargs="*", default=[], metavar="IMAGE", help="image to judge by")
    add("--out", type=Path, required=True, metavar="FILE", help="file of trials; continued")
    add("--jobs", type=int, default=1, metavar="N", help="processes")
    add("--json", type=Path, metavar="FILE", help="also write constants and errors as JSON")
    return parser


def _tasks(options: argparse.Namespace) -> Iterator[Task]:
    """Yield images of both kinds by turns, so that a stopped run has some of each."""
    own = [Task(path, held=False) for path in options.images]
    held = [Task(path, held=True) for path in options.held]
    return filter(None, chain.from_iterable(zip_longest(own, held)))


def _fitted(measured: Measured) -> dict[str, Any]:
    """Return the constants by module, samples and scales by scale."""
    return {
        "fineness": {
            "slopes": fit_models.fineness_fit(measured),
            "bytes": fit_models.bytes_fit(measured),
        },
        "quality_model": {"score_fit": fit_models.score_fit(measured)},
        "sample_model": {s: fit_models.sample_fit(measured, s) for s in (1, *_SCALES)},
        "scale_model": {s: fit_models.scale_fit(measured, s) for s in _SCALES},
    }


def _errors(measured: Measured) -> dict[str, dict[str, Errors]]:
    """Return errors of the constants of today, on images fitted to and on those held back."""
    found: dict[str, dict[str, Errors]] = {}
    for name, held in {"fit": False, "held": True}.items():
        errors = {"first guess, steps": fit_models.guesses(measured, held=held)}
        for scale in (1, *_SCALES):
            score, worst = fit_models.sample_errors(measured, scale, held=held)
            errors |= {f"sample x{scale}, dB": score, f"sample x{scale}, worst, dB": worst}
        for scale in _SCALES:
            quality, size = fit_models.scale_errors(measured, scale, held=held)
            errors |= {f"scale x{scale}, steps": quality, f"scale x{scale}, ln bytes": size}
        found[name] = errors
    return found


def _text(found: dict[str, Any]) -> Iterator[str]:
    """Yield a line per constant, and a table of errors."""
    for module, constants in found["fitted"].items():
        for name, value in constants.items():
            yield f"{module} {name}: {value}"
    sets = found["errors"]
    yield f"{'error: number, bias, deviation':32}" + "".join(f"{name:>22}" for name in sets)
    for name in next(iter(sets.values())):
        yield f"{name:32}" + "".join(_cell(errors[name]) for errors in sets.values())


def _cell(errors: Errors) -> str:
    return f"{errors.number:6}{errors.bias:+8.2f}{errors.deviation:8.2f}"


if __name__ == "__main__":
    sys.exit(main())
