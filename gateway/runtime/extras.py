"""Check that the packages are installed which a configuration needs beyond the base."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from slimgate.config import ConfigError, Problem, Settings
from slimgate.gateway.workers.startup_checks import required_networks


def check_extras(settings: Settings, path: Path) -> None:
    """Check the extras that a configuration needs.

    Args:
        settings: Valid settings.
        path: Configuration file, for messages.

    Raises:
        ConfigError: One is not installed; the message says what to install.
    """
    problems = [Problem(str(path), None, setting, why) for setting, why in _missing(settings)]
    if problems:
        raise ConfigError(problems)


def _missing(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield settings whose packages are missing, and what to do."""
    is_torch = settings.engine.backend == "torch" and required_networks(settings)
    for package in ("torch", "onnx"):
        if is_torch and not _is_installed(package):
            hint = "pip install 'slimgate[gpu]', or use openvino"
            yield "engine.backend", f"{package} is missing: {hint}"
    if settings.tracing.endpoint and not _is_installed("opentelemetry.sdk"):
        hint = "pip install 'slimgate[otel]', or remove this key"
        yield "tracing.endpoint", f"OpenTelemetry is missing: {hint}"


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
