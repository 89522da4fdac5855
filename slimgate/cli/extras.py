"""Name the extra to install where an optional package is missing."""

from collections.abc import Sequence
from typing import Final

EXTRAS: Final = {
    "flask": "eval",
    "flask_cors": "eval",
    "moto": "eval",
    "skimage": "eval",
    "lepton_jpeg_python": "lepton",
    "mlflow": "train",
    "onnx": "train",
    "onnxruntime": "train",
    "opentelemetry": "otel",
    "pyarrow": "jobs",
    "ray": "ray",
    "spandrel": "gpu",
    "starlette": "serve",
    "torch": "gpu",
}
"""Extras that bring a package, by the name it is imported under."""

_TRAINING: Final = ("train", "retrain", "export", "evaluate")
"""Commands below ``models`` that need the extra train."""


def missing_extra(error: ModuleNotFoundError, words: Sequence[str]) -> str | None:
    """Return what to install, if the package that is missing comes with an extra.

    Args:
        error: The failed import.
        words: The command line.
    """
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return None
    if words[0] == "models" and words[1] in _TRAINING:
        extra = "train"
    return f"slimgate {words[0]} needs the package {package}: pip install 'slimgate[{extra}]'"
