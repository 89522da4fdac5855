"""Programs that find the dimensions of image files, mostly from their first bytes."""

import json
import subprocess
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
from PIL import Image, UnidentifiedImageError

from tests.clients.client import installed, program

Size = tuple[int, int] | None
"""Width and height; None: not found."""

Reader = Callable[[Sequence[Path]], list[Size]]
"""Returns what a program finds in each file; skips the test where the program is missing."""

_PHP: Final = """foreach (array_slice($argv, 1) as $path) {
    $found = @getimagesize($path);
    echo $found ? "$found[0] $found[1]\n" : "\n";
}"""


def _pillow(paths: Sequence[Path]) -> list[Size]:
    return [_pillow_size(path) for path in paths]


def _pillow_size(path: Path) -> Size:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError):
        return None


def _opencv(paths: Sequence[Path]) -> list[Size]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths]
    return [None if each is None else (each.shape[1], each.shape[0]) for each in found]


def _exiftool(paths: Sequence[Path]) -> list[Size]:
    # Files of which it knows no dimensions are left out.
    command = [program("exiftool"), "-q", "-json", "-ImageWidth", "-ImageHeight", *map(str, paths)]
    found = {line["SourceFile"]: line for line in json.loads(_output(command))}
    return [
        (line["ImageWidth"], line["ImageHeight"]) if "ImageWidth" in line else None
        for line in (found.get(str(path), {}) for path in paths)
    ]


def _imagemagick(paths: Sequence[Path]) -> list[Size]:
    command = [program("identify"), "-ping", "-format", "%w %h\n"]
    return [_numbers(_output([*command, f"{path}[0]"])) for path in paths]


def _php(paths: Sequence[Path]) -> list[Size]:
    lines = _output([program("php"), "-r", _PHP, "--", *map(str, paths)]).split("\n")
    return [_numbers(line) for line in lines[: len(paths)]]


def _node(name: str) -> Reader:
    def read(paths: Sequence[Path]) -> list[Size]:
        installed(f"tests/clients/node/node_modules/{name}")
        script = installed("tests/clients/node/dimensions.mjs")
        found = json.loads(_output([program("node"), script, name, *map(str, paths)]))
        return [None if each is None else (each[0], each[1]) for each in found]

    return read


def _numbers(text: str) -> Size:
    numbers = text.split()
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


READERS: Final[dict[str, Reader]] = {
    "Pillow": _pillow,
    "OpenCV": _opencv,
    "exiftool": _exiftool,
    "ImageMagick": _imagemagick,
    "PHP": _php,
    "image-size": _node("image-size"),
    "probe-image-size": _node("probe-image-size"),
}
