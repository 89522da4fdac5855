"""The command that prints versions."""

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

_PACKAGES: Final = (
    "Pillow", "imagecodecs", "numpy", "opencv-python-headless", "openvino", "lepton-jpeg-python",
    "torch", "ray",
)  # fmt: skip


def add(subparsers: "Subparsers") -> None:
    """Add ``version``."""
    summary = "print the versions of slimgate, of what it stores, and of its codecs"
    parser = subparsers.add_parser(
        "version",
        help=summary,
        description=f"{summary}. slimgate --version prints its own alone.",
        epilog="slimgate version\nslimgate version --json",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_run)


def own() -> str:
    """Return the version of slimgate."""
    return metadata.version("slimgate")


def _run(options: argparse.Namespace) -> int:
    found = _versions()
    text = json.dumps(found, indent=2) if options.json else "\n".join(_lines(found))
    sys.stdout.write(f"{text}\n")
    return 0


def _versions() -> dict[str, Any]:
    from slimgate.codec import versions

    return {
        "slimgate": own(),
        "python": platform.python_version(),
        "manifest": versions.MANIFEST,
        "codecs": versions.libraries(),
        "packages": {name: found for name in _PACKAGES if (found := _installed(name))},
    }


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _lines(found: Mapping[str, Any]) -> list[str]:
    single = [f"{name} {value}" for name, value in found.items() if not isinstance(value, dict)]
    codecs = ", ".join(f"{name} ({library})" for name, library in found["codecs"].items())
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return [*single, f"codecs: {codecs}", f"packages: {packages}"]
