"""Classes of engines: coarse, and independent of load."""

import math

import pytest

from slimgate import models
from slimgate.config import Engine
from slimgate.models.engine import speed
from slimgate.models.registry import catalog


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ((), "plain"),
        (("avx2", "avx512f"), "plain"),
        (("avx2", "avx_vnni"), "int8"),
        (("avx512_vnni",), "int8"),
        (("amx_int8",), "int8"),
        (("asimd", "i8mm"), "int8"),
    ],
)
def test_processors_are_classified_by_what_they_can_do(
    features: tuple[str, ...], expected: models.Speed
) -> None:
    """Arithmetic on integers of 8 bits makes networks fast."""
    assert models.speed_of(Engine(), features=features) == expected


def test_torch_without_a_gpu_runs_at_the_speed_of_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only torch on a GPU is of the class of GPUs."""
    monkeypatch.setattr(speed, "_has_gpu", lambda: True)
    engines = [Engine(backend="torch", device="cpu"), Engine(backend="torch"), Engine()]
    found = [models.speed_of(engine, features=()) for engine in engines]
    assert found == ["plain", "gpu", "plain"]


def test_this_machine_has_a_class() -> None:
    """The features of this machine are read once, and give the same class again."""
    assert models.speed_of(Engine()) == models.speed_of(Engine())


def test_interpolation_costs_nothing() -> None:
    """Only networks cost, less so on faster engines."""
    assert set(models.costs("bicubic", "plain").values()) == {0.0}
    plain, fast, free = (models.costs("native", each) for each in ("plain", "int8", "gpu"))
    assert set(plain) == set(catalog.chosen("native"))
    assert all(plain[scale] > fast[scale] > free[scale] == 0 for scale in plain)


def test_large_networks_are_left_to_the_best_effort() -> None:
    """Networks in floating point cost more than any budget, remote ones and GPUs nothing here."""
    assert set(models.costs("real-esrgan-x4plus", "int8").values()) == {math.inf}
    assert set(models.costs("real-esrgan-x4plus", "gpu").values()) == {0.0}
    assert set(models.costs("sagemaker-x4", "plain").values()) == {0.0}
