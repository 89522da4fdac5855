"""PNG files of every kind: samples as lossless JPEG XL or WebP, all else verbatim.

The payload holds a version, the image header, the form of the samples, the lengths of what precedes
and follows the image data, the recipe of these, and then both. Image data that no coder reproduces
are compressed anew with the same filters and padded, unless something in the file depends on them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, Self

import numpy as np

from slimgate.codec.containers import DoesNotFit, Malformed, Unsupported, header, png_parts
from slimgate.codec.containers.png_chunks import depends_on_data
from slimgate.codec.containers.png_parts import Header, Parts
from slimgate.codec.encoders import by_name, jxl, webp
from slimgate.codec.image.flatten import is_drawn
from slimgate.codec.image.pixels import Pixels, Samples, Undecodable
from slimgate.codec.restore import png_forms, png_recipe, png_samples
from slimgate.codec.restore.png_recipe import Recipe
from slimgate.codec.search.effort import Work

Codec = Literal["webp", "jxl"]

_VERSION: Final = 1
_PALETTE: Final = 3  # colour type
_HEAD: Final = struct.Struct(">B13sBII")  # version, image header, form, both lengths

_MAX_RECIPE: Final = 1 << 20  # filter types of twice 65,535 rows, and lengths of 65,536 chunks

_FLAT: Final = 6  # speed of JPEG XL, effort 7


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything of a PNG file but its samples.

    Attributes:
        header: image header.
        form: how samples are stored, see :mod:`slimgate.codec.restore.png_forms`.
        before: bytes between image header and image data.
        after: bytes behind the image data.
        recipe: how the image data are compressed.
    """

    header: Header
    form: int
    before: bytes
    after: bytes
    recipe: Recipe

    def dumps(self) -> bytes:
        """Return the layout as bytes."""
        lengths = len(self.before), len(self.after)
        head = _HEAD.pack(_VERSION, self.header.dumps(), self.form, *lengths)
        return b"".join([head, self.recipe.dumps(), self.before, self.after])

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Parse a layout.

        Raises:
            Malformed: it is damaged.
            Unsupported: the image header is invalid.
        """
        if len(data) < _HEAD.size:
            raise Malformed("layout cut off")
        version, fields, form, *lengths = _HEAD.unpack_from(data)
        recipe, rest = Recipe.loads(data[_HEAD.size :])
        if version != _VERSION or sum(lengths) != len(rest):
            raise Malformed("layout is damaged")
        found = Header.loads(fields)
        png_forms.check(form, found)
        return cls(found, form, rest[: lengths[0]], rest[lengths[0] :], recipe)

    @property
    def palette(self) -> bytes:
        """Return the palette; empty if there is none."""
        return png_parts.palette(self.before) if self.header.colour == _PALETTE else b""

    def write(self, passes: list[Pixels], size: int) -> bytes:
        """Write the file by its recipe.

        Raises:
            DoesNotFit: it is longer than ``size``, or 1 to 11 bytes shorter.
            ValueError: the recipe belongs to another image, or has invalid parameters.
        """
        data = tuple(png_recipe.deflated(self.recipe, passes))
        return png_parts.join(Parts(self.header, self.before, data, self.after), size)


class Found(NamedTuple):
    """How a file can be written.

    Attributes:
        layout: everything but the samples.
        served: the file that GET will serve.
        samples: samples.
    """

    layout: Layout
    served: bytes
    samples: Samples


def find(data: bytes, parts: Parts, *, exact: bool, work: Work) -> Found:
    """Find how a PNG file was written, or how to write one of its size with the same samples.

    Args:
        data: file.
        parts: the same in parts.
        exact: accept only the same bytes.
        work: work done and allowed.

    Raises:
        DoesNotFit: there is no such file.
        Malformed, Undecodable: the image data are damaged.
    """
    raw = png_samples.inflate(b"".join(parts.data), parts.header)
    filters, passes = png_samples.unfilter(raw, parts.header)
    del raw
    samples = png_samples.from_passes(passes, parts.header)
    recipe, known = png_recipe.of_stream(parts.data, filters, passes, work=work)
    layout = Layout(parts.header, png_forms.AS_IS, parts.before, parts.after, recipe)
    if known:
        return Found(layout, data, samples)
    types = png_parts.chunk_types(parts)
    if exact or b"IEND" not in types or depends_on_data(types):
        raise DoesNotFit("the image data are compressed by an unknown coder")
    layout = replace(layout, before=png_parts.without_index(parts.before))
    layout, served = _that_fits(layout, passes, len(data), png_recipe.others(recipe))
    return Found(layout, served, samples)


class Encoding(NamedTuple):
    """A way to store the samples of a file.

    Attributes:
        codec: codec of the rendition.
        layout: everything but the samples.
        samples: samples in the form of the layout.
    """

    codec: Codec
    layout: Layout
    samples: Samples

    def rendition(self, speed: int) -> bytes:
        """Return the rendition: an image of the samples, and the layout.

        Args:
            speed: 0 (smallest file) to 10 (fastest).

        Raises:
            ContainerError: the layout is too large.
        """
        if self.codec == "webp":
            image = webp.encode_lossless(np.asarray(self.samples, np.uint8), speed=speed)
        else:
            # Lower efforts than 7 find no structure in planes of few values and in drawings.
            flat = self.samples.dtype == np.uint8 and (
                self.samples.ndim == 2 or is_drawn(np.asarray(self.samples, np.uint8))
            )
            image = jxl.encode_samples(self.samples, speed=min(speed, _FLAT) if flat else speed)
        return by_name(self.codec).attach(image, header.pack(self.layout.dumps(), None))


def encodings(found: Found) -> Iterator[Encoding]:
    """Yield the ways to store a file's samples without loss."""
    layout, every = found.layout, found.samples
    small = max(every.shape[:2]) <= webp.MAX_SIDE
    usual = replace(layout, form=png_forms.usual(every))
    samples = png_forms.stored(every, usual.form)
    if small and samples.dtype == np.uint8 and samples.shape[2:] != (2,):
        yield Encoding("webp", usual, samples)
    yield Encoding("jxl", usual, samples)
    colours = png_forms.expanded(every, layout.palette) if small else None
    if colours is not None:
        yield Encoding("webp", replace(layout, form=png_forms.EXPANDED), colours)


class Restored(NamedTuple):
    """A restored file.

    Attributes:
        served: the file.
        layout: everything but the samples, as stored.
        samples: samples as stored.
    """

    served: bytes
    layout: Layout
    samples: Samples


def restore(rendition: bytes, codec: str, *, size: tuple[int, int], length: int) -> Restored:
    """Write the file of a rendition; if a coder has changed, in another way that fits.

    Args:
        rendition: stored file, from the bucket.
        codec: its codec.
        size: width and height, pixels.
        length: size of the file, bytes.

    Raises:
        DoesNotFit: no coder reaches that length.
        OSError, ValueError, SyntaxError: the rendition is damaged, or another one.
    """
    payload = by_name(codec).extract(rendition) or b""
    most = min(header.MAX_KEPT, length + _MAX_RECIPE)
    layout = Layout.loads(header.unpack(payload, None, max_bytes=most))
    if (layout.header.width, layout.header.height) != size:
        raise Undecodable(f"is not an image of {size[0]}x{size[1]} pixels")
    samples = _read(rendition, codec, layout)
    full = png_forms.restored(samples, layout.form, layout.palette)
    passes = png_samples.to_passes(full, layout.header)
    ways = layout.recipe, *png_recipe.others(layout.recipe)
    return Restored(_that_fits(layout, passes, length, ways)[1], layout, samples)


def _that_fits(
    layout: Layout, passes: list[Pixels], size: int, recipes: tuple[Recipe, ...]
) -> tuple[Layout, bytes]:
    last = DoesNotFit("no way to write it")
    for recipe in recipes:
        try:
            each = replace(layout, recipe=recipe)
            return each, each.write(passes, size)
        except DoesNotFit as error:
            last = error
    raise last


def _read(rendition: bytes, codec: str, layout: Layout) -> Samples:
    height, width = layout.header.height, layout.header.width
    channels, depth = png_forms.shape(layout.form, layout.header)
    if codec == "jxl":
        shape = (height, width) if channels == 1 else (height, width, channels)
        return jxl.read_samples(rendition, shape=shape, depth=depth)
    if codec != "webp" or channels == 2 or depth != 8:
        raise Unsupported(f"codec {codec} does not hold such samples")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    return webp.read(rendition, mode=mode, width=width, height=height)
