"""The commands ``train``, ``retrain`` and ``export``; need torch."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from slimgate.models.training import settings
from slimgate.models.training.datasets import load_data
from slimgate.models.training.loop import Loop
from slimgate.models.training.pair_cache import PairCache, default_folder
from slimgate.models.training.tracking import Track, tracking


def train(options: argparse.Namespace) -> str:
    """Train until the schedule ends, and return the path of the best checkpoint as output.

    Raises:
        TrainingError: the run, its data or its folder is invalid.
    """
    run = settings.load(options.config).at(folder=options.data, start=options.start)
    folder: Path = options.out or Path("runs") / options.config.stem
    torch.set_num_threads(options.threads)
    cache = PairCache(options.pairs or default_folder(), processes=options.threads)
    with tracking(run, folder, options.tracking) as (track, said):
        sys.stderr.write(f"{said}\n")
        loop = Loop(run, folder, load_data(run, cache), _said(track), device=options.device)
        best = loop.finish()
    return f"best checkpoint: {best}\n"


def _said(track: Track) -> Track:
    """Also print measurements, above the progress bar if there is one."""

    def note(values: Mapping[str, float], step: int, /) -> None:
        track(values, step)
        tqdm.write(f"step {step}: {_text(values)}", file=sys.stderr)

    return note


def _text(values: Mapping[str, float]) -> str:
    """Return the measures of a step, with their change since the start where it is known."""
    gain = f"{values['gain_db']:+.3f} dB"
    if "score" not in values:
        return gain
    others = [
        f"{name} {values[name]:.4f} ({values[f'{name}_change']:+.4f})"
        for name in ("score", "worst", "ms_ssim", "orb")
    ]
    if "score_change_error" in values:
        others[0] += f" ± {values['score_change_error']:.4f}"
    if "bytes_change" in values:
        others.append(f"bytes {values['bytes_change']:+.2%}")
    broken = f"guards broken: {values['guards_broken']:.0f}"
    return ", ".join([f"{gain} ({values['gain_db_change']:+.3f})", *others, broken])


def export(options: argparse.Namespace) -> str:
    """Write the network that ships, and return its notes as output.

    Raises:
        TrainingError: not an integer run, or engines differ.
        Inexact: a sum could overflow.
    """
    from slimgate.models.training.export import export as write  # noqa: PLC0415  # needs onnx and openvino

    notes = {"file": str(options.out), **write(options.checkpoint, options.out)}
    return "".join(f"{name}: {value}\n" for name, value in notes.items())
