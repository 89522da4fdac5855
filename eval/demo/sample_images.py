"""The demo's images: scikit-image's data, saved the way people save images.

The mix is deliberate: portraits, textures that are hard to compress, scans of text, a drawing with
transparency, gray and colour, files like those of phones, three formats and many qualities. PNG
files are re-encoded, because some originals are larger than necessary and would flatter the result.

``python -m slimgate.eval.demo.sample_images DIR`` writes them into a folder.
"""

import argparse
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from PIL import Image

from slimgate.eval.demo.phone_photos import Phone, photograph

_SUFFIXES: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to create one image of the demo.

    Attributes:
        source: file name in scikit-image's data.
        format: format, as Pillow names it; empty: the file unchanged.
        options: Pillow's save options.
        phone: how a phone would save it; None: as `format` and `options` say.
    """

    source: str
    format: str = ""
    options: Mapping[str, int | bool] = field(default_factory=lambda: MappingProxyType({}))
    phone: Phone | None = None

    @property
    def key(self) -> str:
        """Return the object key."""
        if self.phone:
            return f"phone_{Path(self.source).stem}.jpg"
        if not self.format:
            return self.source
        return f"{Path(self.source).stem}.{_SUFFIXES[self.format]}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to upload.

    Attributes:
        key: object key.
        data: content of the file.
        content_type: Content-Type of the upload.
    """

    key: str
    data: bytes
    content_type: str


RECIPES: Final = (
    Recipe("astronaut.png", "JPEG", {"quality": 92}),
    Recipe("astronaut.png", "PNG"),
    Recipe("coffee.png", "JPEG", {"quality": 95, "subsampling": 0}),
    Recipe("chelsea.png", "WEBP", {"quality": 90}),
    Recipe("rocket.jpg"),
    Recipe("retina.jpg"),
    Recipe("hubble_deep_field.jpg"),
    Recipe("motorcycle_left.png", "JPEG", {"quality": 85, "progressive": True}),
    Recipe("motorcycle_right.png", "WEBP", {"quality": 80}),
    Recipe("ihc.png", "JPEG", {"quality": 80}),
    Recipe("camera.png", "JPEG", {"quality": 90}),
    Recipe("brick.png", "JPEG", {"quality": 75}),
    Recipe("gravel.png", "JPEG", {"quality": 60}),
    Recipe("grass.png", "PNG"),
    Recipe("moon.png", "PNG"),
    Recipe("coins.png", "JPEG", {"quality": 90}),
    Recipe("page.png", "PNG"),
    Recipe("text.png", "PNG"),
    Recipe("logo.png", "PNG"),
    Recipe("phantom.png", "PNG"),
    Recipe("astronaut.png", phone=Phone((1080, 810), orientation=6)),
    Recipe("coffee.png", phone=Phone((1080, 810), orientation=3)),
    Recipe("chelsea.png", phone=Phone((810, 1080), orientation=8, appended="video")),
    Recipe("rocket.jpg", phone=Phone((960, 720), appended="gain map")),
)


def chosen(names: Sequence[str]) -> tuple[Recipe, ...]:
    """Return recipes by object key or source file; all if no name is passed.

    Raises:
        ValueError: a name is unknown.
    """
    known = {recipe.key for recipe in RECIPES} | {recipe.source for recipe in RECIPES}
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError(
            f"unknown image {', '.join(unknown)}; choose from {', '.join(sorted(known))}"
        )
    if not names:
        return RECIPES
    return tuple(recipe for recipe in RECIPES if {recipe.key, recipe.source} & set(names))


def make(recipe: Recipe) -> Sample:
    """Read or encode one image."""
    path = Path(str(resources.files("skimage").joinpath("data", recipe.source)))
    data = _file(path, recipe)
    suffix = Path(recipe.key).suffix.removeprefix(".")
    return Sample(recipe.key, data, f"image/{'jpeg' if suffix == 'jpg' else suffix}")


def _file(path: Path, recipe: Recipe) -> bytes:
    if recipe.phone:
        return photograph(path, recipe.phone)
    return _encoded(path, recipe) if recipe.format else path.read_bytes()


def _encoded(path: Path, recipe: Recipe) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.save(file, recipe.format, **recipe.options)
    return file.getvalue()


def write(folder: Path) -> int:
    """Write all images into a folder, created if necessary, and return their number.

    Raises:
        OSError: the folder is not writable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        (folder / recipe.key).write_bytes(make(recipe).data)
    return len(RECIPES)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 if the images were written, 2 if the folder is not writable.
    """
    parser = argparse.ArgumentParser(
        prog="python -m slimgate.eval.demo.sample_images", description=__doc__
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args(arguments).folder
    try:
        print(f"{write(folder)} images are in {folder}")
    except OSError as error:
        print(f"{folder}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
