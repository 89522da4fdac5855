"""The images of the demo: what scikit-image carries, saved as people save images.

They are a mixed lot on purpose: portraits, textures that no codec likes, scans of text, a drawing
with transparency, gray and colour, three formats and many qualities. The PNG files are written
anew, because some of the originals are larger than they need to be and would flatter the result.

``python -m eval.demo.sample_images DIR`` writes them into a folder.
"""

import argparse
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import skimage
from PIL import Image

_FOLDER: Final = Path(skimage.__file__).parent / "data"
_SUFFIXES: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one image of the demo is made.

    Attributes:
        source: File among scikit-image's data.
        format: Format as Pillow names it; empty: the file as it is.
        options: How Pillow saves it.
    """

    source: str
    format: str = ""
    options: Mapping[str, int | bool] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def key(self) -> str:
        """Name the object."""
        if not self.format:
            return self.source
        return f"{Path(self.source).stem}.{_SUFFIXES[self.format]}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to upload.

    Attributes:
        key: Its name in the bucket.
        data: The whole file.
        content_type: What the upload says it is.
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
)


def chosen(names: Sequence[str]) -> tuple[Recipe, ...]:
    """Find recipes by the name of the object or of its source file; no name: all of them.

    Raises:
        ValueError: There is none of that name.
    """
    known = {recipe.key for recipe in RECIPES} | {recipe.source for recipe in RECIPES}
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError(f"no image {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if not names:
        return RECIPES
    return tuple(recipe for recipe in RECIPES if {recipe.key, recipe.source} & set(names))


def make(recipe: Recipe) -> Sample:
    """Read or encode one image."""
    path = _FOLDER / recipe.source
    data = path.read_bytes() if not recipe.format else _encoded(path, recipe)
    suffix = Path(recipe.key).suffix.removeprefix(".")
    return Sample(recipe.key, data, f"image/{'jpeg' if suffix == 'jpg' else suffix}")


def _encoded(path: Path, recipe: Recipe) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.save(file, recipe.format, **recipe.options)
    return file.getvalue()


def write(folder: Path) -> int:
    """Write all images into a folder, which is made where it does not exist; give their number.

    Raises:
        OSError: It cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        (folder / recipe.key).write_bytes(make(recipe).data)
    return len(RECIPES)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 when the images are there, 2 when the folder cannot be written into.
    """
    parser = argparse.ArgumentParser(prog="python -m eval.demo.sample_images", description=__doc__)
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
