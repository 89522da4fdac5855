"""Tests of ``slimgate models bench``."""

import dataclasses
import importlib.util
from typing import Literal

import numpy as np
import pytest

from slimgate.config import Engine
from slimgate.models.bench import benchmark
from slimgate.models.bench.benchmark_process import BenchmarkProcess
from slimgate.models.bench.benchmark_worker import Contender, Measured, photograph
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import CannotRun
from slimgate.models.registry import native
from slimgate.models.registry.cards import Card
from tests.models.command import main

_WITHOUT_TORCH = importlib.util.find_spec("torch") is None
_NAME = native.CARDS[0].name
_needs_torch = pytest.mark.skipif(
    _WITHOUT_TORCH, reason="torch is not installed; see make test-torch"
)


def _subject(way: Literal["gateway", "whole", "tiled"], *, in_flight: int = 1) -> Contender:
    return Contender(way, way, _NAME, Engine(threads=1), 64, 48, in_flight)


def test_a_restorer_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Each way of restoring has a line with numbers, or one that says what to install."""
    assert (
        main(
            [
                *("bench", "--restorer", _NAME, "--image-size", "64x48"),
                *("--seconds", "0.1", "--threads", "1"),
            ]
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert f"{_NAME} on openvino, output 64x48" in shown
    for title in ("slimgate, openvino, one image", "torch float32, whole image"):
        assert sum(line.startswith(title) for line in shown.splitlines()) == 1
    assert ("needs torch: pip install 'slimgate[gpu]'" in shown) == _WITHOUT_TORCH
    assert ("1.00x" not in shown) == _WITHOUT_TORCH


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--restorer", "nonsense"], "unknown restorer 'nonsense'"),
        (["--restorer", "bicubic"], "bicubic is not a network"),
    ],
)
def test_what_cannot_be_measured_is_told(
    options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that stands for no network fails, with the reason and nothing else."""
    assert main(["bench", *options]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert reason in output.err


@pytest.mark.parametrize(
    "options",
    [
        ["--image-size", "512"],
        ["--image-size", "8x8"],
        ["--image-size", "9999x512"],
        ["--seconds", "0"],
        ["--seconds", "nan"],
        ["--seconds", "601"],
        ["--threads", "-1"],
        ["--threads", "1025"],
    ],
)
def test_numbers_out_of_range_are_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Impossible benchmarks are refused before anything starts."""
    with pytest.raises(SystemExit):
        main(["bench", "--restorer", _NAME, *options])
    assert f"argument {options[0]}" in capsys.readouterr().err


def test_all_images_of_a_round_are_counted() -> None:
    """With several images at a time, a measurement holds seconds per image, memory and fill."""
    with BenchmarkProcess(_subject("gateway", in_flight=2)) as process:
        process.prepare()
        measured = process.run(0.05)
    assert measured.pixels == 64 * 48
    assert all(seconds > 0 for seconds in measured.seconds)
    assert measured.fill is not None
    assert 0 < measured.fill <= 1
    assert measured.peak_mib is None or 0 < measured.peak_mib < 2048


def test_a_process_that_dies_is_told() -> None:
    """Waiting for a dead process raises an error instead of hanging."""
    process = BenchmarkProcess(_subject("gateway"))
    process.prepare()
    process._process.kill()
    process._process.join()
    with process, pytest.raises(CannotRun, match="'gateway' died"):
        process.run(0.1)


def test_speeds_are_relative_to_float32_on_the_whole_image() -> None:
    """A line shows MP/s, the time for 512x512, memory, fill, and how often the speed of torch."""
    whole = Measured((1.0, 3.0, 2.0), 2_000_000, None, None)
    gateway = Measured((0.5,), 2_000_000, 12.4, 0.75)
    shown = benchmark.table({_subject("gateway"): gateway, _subject("whole"): whole})
    _, first, second = (line.split() for line in shown.splitlines())
    assert first == ["gateway", "4.00", "65.5", "12", "0.75", "4.00x"]
    assert second == ["whole", "1.00", "262.1", "-", "-", "1.00x"]


def test_the_image_is_always_the_same() -> None:
    """Measurements on different machines restore the same pixels, which are no flat ones."""
    image = photograph(70, 40)
    assert image.shape == (40, 70, 3)
    assert np.array_equal(image, photograph(70, 40))
    assert image.std() > 10


@pytest.mark.torch
@_needs_torch
@pytest.mark.parametrize(
    "card", [card for card in native.CARDS if card.shrinks is None], ids=lambda card: card.name
)
def test_baselines_compute_the_same_network(card: Card) -> None:
    """Baselines differ from the restorer by rounding alone, tiled or whole."""
    from slimgate.models.bench import baselines  # noqa: PLC0415  # it needs torch

    (scale,) = card.scales
    pixels = photograph(300, 40)  # wider than a tile
    engine = Engine(threads=1)
    restorers = Restorers(engine, timeout_s=60)
    try:
        expected = restorers(card.hash).upscale(pixels, scale, level=64).astype(int)
    finally:
        restorers.close()
    edge = card.receptive_field * scale  # beyond the image, a baseline sees zeros
    inside = np.s_[edge:-edge, edge:-edge]
    for tiled in (False, True):
        loaded = baselines.load(card, engine, tiled=tiled)
        restored = loaded.upscale(pixels, scale, level=64)
        assert restored.shape == expected.shape
        distances = np.abs(expected - restored)[inside]
        assert distances.mean() < 0.5
        assert distances.max() <= 8


@pytest.mark.torch
@_needs_torch
def test_baselines_without_weights_say_how_to_get_them(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that was not fetched names the command that fetches it."""
    from slimgate.models.bench import baselines  # noqa: PLC0415  # it needs torch
    from slimgate.models.registry.catalog import CATALOG  # noqa: PLC0415  # only here

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    card = next(card for card in CATALOG if card.download is not None)
    with pytest.raises(CannotRun, match=f"slimgate models fetch {card.name}"):
        baselines.load(card, Engine(), tiled=False)
    with pytest.raises(CannotRun, match="is not a network"):
        baselines.load(dataclasses.replace(card, download=None), Engine(), tiled=False)
