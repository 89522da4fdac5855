"""Print a software bill of materials (CycloneDX 1.6, JSON) of the packages that slimgate runs with.

Libraries inside wheels are listed below their package: those of the bills that wheels carry
(PEP 770), and the codecs that Pillow, imagecodecs and OpenCV say they were built with.

    python -m tests.sbom > sbom.cdx.json
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import cv2
import imagecodecs
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from PIL import _avif, features

LOCK: Final = Path(__file__).parents[1] / "requirements.lock"

_PILLOW: Final = {"libjpeg_turbo": "libjpeg-turbo", "zlib_ng": "zlib-ng", "webp": "libwebp"}
_AVIF_CODEC: Final = re.compile(r"(\w+) \[[a-z/]+\]:v?([0-9.]+)")
_AVIF_NAMES: Final = {"aom": "libaom"}
_OPENCV: Final = re.compile(r"(libjpeg-turbo|avif) \(ver ([0-9.]+)")


def bill() -> Bom:
    """Return the bill of the packages in the lock of the run time, as installed here.

    Raises:
        importlib.metadata.PackageNotFoundError: A package of the lock is not installed.
    """
    root = Component(
        name="slimgate", version=distribution("slimgate").version, type=ComponentType.APPLICATION
    )
    bom = Bom(components=[_package(distribution(name)) for name in locked()])
    bom.metadata.component = root
    bom.register_dependency(root, bom.components)
    return bom


def locked() -> list[str]:
    """Return the names of the packages in the lock."""
    lines = LOCK.read_text("utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]


def _package(found: Distribution) -> Component:
    name, version = found.metadata["Name"], found.version
    inside = {(each[0].casefold(), each[1]): each for each in (*_carried(found), *_told(name))}
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", name=name.lower().replace("_", "-"), version=version),
        bom_ref=name,
        components=[
            Component(name=each, version=number, bom_ref=f"{name}/{each}@{number}")
            for each, number in sorted(inside.values())
        ],
    )


def _carried(found: Distribution) -> Iterator[tuple[str, str]]:
    """Yield names and versions in the bills inside a wheel."""
    for file in found.files or ():
        if ".dist-info/sboms/" in file.as_posix():
            carried = json.loads(file.read_text("utf-8"))
            for each in carried.get("components", ()):
                if each["name"] != found.metadata["Name"] and each.get("version"):
                    yield each["name"], each["version"]


def _told(package: str) -> Iterable[tuple[str, str]]:
    """Return the libraries that a package itself says it was built with."""
    if package == "pillow":
        names = {**{name: name for name in features.get_supported()}, **_PILLOW}
        told = ((names[each], features.version(each)) for each in features.get_supported())
        codecs = _AVIF_CODEC.findall(_avif.codec_versions())
        found = [(name, version) for name, version in told if version and name != "pil"]
        return [*found, *((_AVIF_NAMES.get(name, name), version) for name, version in codecs)]
    if package == "imagecodecs":
        parts = (part.rpartition("-") for part in imagecodecs.version().split(", ")[1:])
        return [(name, version) for name, _, version in parts if version[:1].isdigit()]
    if package == "opencv-python-headless":
        return _OPENCV.findall(cv2.getBuildInformation())
    return ()


if __name__ == "__main__":
    sys.stdout.write(JsonV1Dot6(bill()).output_as_string(indent=2) + "\n")
