"""Restore a rendition: the same code serves GET and verifies PUT."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

import numpy as np

from slimgate.codec.containers.header import MAX_KEPT
from slimgate.codec.encoders import by_name
from slimgate.codec.image.pixels import Pixels, Samples
from slimgate.codec.image.resample import join_planes, small_size, split_planes
from slimgate.codec.manifest import Manifest, Stored
from slimgate.codec.recipes.rebuild import rebuild
from slimgate.codec.restore import (
    exact,
    exact_parts,
    lossless,
    output,
    payload,
    png_recipe,
    png_verbatim,
)

_ROOM: Final = 16
"""Bytes that kept segments have beside those of the upload."""


class Upscaler(Protocol):
    """Enlarges the pixels of a rendition to full size.

    An upscaler is thread-safe, and may process many images concurrently. Equal pixels give equal
    results, whatever else is in flight.
    """

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge one plane.

        Args:
            pixels: uint8, (height, width) or (height, width, 3).
            scale: integer factor, 1 to 4.
            level: coding level, 0 (lossless) to 255.

        Returns:
            uint8, (height * scale, width * scale[, 3]).
        """
        ...

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        """Refine a plane that was shrunk, so that enlarging it returns more of the original.

        Args:
            small: uint8, (height, width) or (height, width, 3).
            full: the original, uint8, (height * scale, width * scale[, 3]).
            scale: integer factor, 2 to 4.

        Returns:
            uint8, like ``small``.
        """
        ...


class Upscalers(Protocol):
    """Finds the upscaler of a manifest."""

    def __call__(self, restorer: str, /) -> Upscaler:
        """Return the upscaler of a content hash, 16 hex digits.

        Raises:
            LookupError: it is not installed here.
        """
        ...


class DamagedRendition(ValueError):
    """The stored bytes are not the rendition of the manifest."""


class DigestMismatch(ValueError):
    """The restored content differs from what was recorded when storing."""


class EncoderChanged(DigestMismatch):
    """The restored content is right, but an encoder produces other bytes than when storing.

    Attributes:
        served: the file as encoded now, of the same size.
    """

    def __init__(self, served: bytes) -> None:
        super().__init__("an encoder writes this file otherwise than when it was stored")
        self.served = served


def pixels_of(
    rendition: bytes,
    stored: Stored,
    *,
    mode: str,
    size: tuple[int, int],
    upscalers: Upscalers,
    threads: int = 1,
) -> Pixels:
    """Decode a rendition and enlarge it to the size of the upload.

    Args:
        rendition: stored file.
        stored: its description in the manifest.
        mode: ``L``, ``RGB`` or ``RGBA``.
        size: width and height of the upload.
        upscalers: source of restorers.
        threads: number of threads for decoding, which does not change the result.

    Returns:
        uint8, (height, width[, channels]).

    Raises:
        LookupError: the codec or the restorer is not installed.
        OSError, ValueError, SyntaxError: the rendition is damaged, or another one.
    """
    width, height = size
    small_width, small_height = small_size(width, height, stored.scale)
    small = by_name(stored.codec).read(
        rendition, mode=mode, width=small_width, height=small_height, threads=threads
    )
    return enlarge(small, stored, size=size, upscalers=upscalers)


def enlarge(
    small: Pixels, stored: Stored, *, size: tuple[int, int], upscalers: Upscalers
) -> Pixels:
    """Enlarge pixels to the size of the upload, colour and alpha separately."""
    if stored.restorer is None:
        return small
    upscaler = upscalers(stored.restorer)
    full = [
        upscaler.upscale(plane, stored.scale, level=stored.level) for plane in split_planes(small)
    ]
    width, height = size
    return join_planes(full)[:height, :width]


def restore(rendition: bytes, manifest: Manifest, upscalers: Upscalers, threads: int = 1) -> bytes:
    """Return the file that GET serves.

    The content is compared only if the file is not the recorded one, which implies it.

    Args:
        rendition: stored file.
        manifest: its manifest.
        upscalers: source of restorers.
        threads: number of threads, which does not change the result.

    Returns:
        Exactly ``manifest.size`` bytes whose SHA-256 is ``manifest.sha256``.

    Raises:
        DamagedRendition: the stored bytes do not match the manifest.
        DigestMismatch: another rendition, or a decoder or restorer behaves differently than when
            storing.
        EncoderChanged: the encoder of the served file behaves differently.
        LookupError: the codec or the restorer is not installed.
    """
    found = _read(rendition, manifest, upscalers, threads)
    if hashlib.sha256(found.served).hexdigest() == manifest.sha256:
        return found.served
    _compare_content(found, manifest)
    raise EncoderChanged(found.served)


def verify(rendition: bytes, manifest: Manifest, upscalers: Upscalers, threads: int = 1) -> None:
    """Restore a rendition as :func:`restore`, and compare file and content with the manifest.

    Raises:
        DamagedRendition, DigestMismatch, EncoderChanged, LookupError: as :func:`restore`.
    """
    found = _read(rendition, manifest, upscalers, threads)
    _compare_content(found, manifest)
    if hashlib.sha256(found.served).hexdigest() != manifest.sha256:
        raise EncoderChanged(found.served)


def content_digest(metadata: bytes, pixels: Samples) -> str:
    """Return a digest of header segments and pixels, independent of encoders.

    Args:
        metadata: header segments of the upload.
        pixels: uint8 or uint16, (height, width[, channels]).

    Returns:
        The first 32 hex digits of the SHA-256 of both, the pixels row by row.
    """
    digest = hashlib.sha256(metadata)
    digest.update(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
    return digest.hexdigest()[:32]


def file_digest(data: bytes) -> str:
    """Return the digest of a file that is not parsed, like :func:`content_digest`."""
    return hashlib.sha256(data).hexdigest()[:32]


class _Restored(NamedTuple):
    served: bytes
    content: Callable[[], str]


def _read(rendition: bytes, manifest: Manifest, upscalers: Upscalers, threads: int) -> _Restored:
    try:
        return _restored(rendition, manifest, upscalers, threads)
    except (OSError, ValueError, SyntaxError) as error:
        raise DamagedRendition(f"the rendition cannot be restored: {error}") from error


def _compare_content(found: _Restored, manifest: Manifest) -> None:
    if found.content() != manifest.content:
        raise DigestMismatch("what is restored differs from what was recorded at the upload")


def _restored(
    rendition: bytes, manifest: Manifest, upscalers: Upscalers, threads: int
) -> _Restored:
    stored, parameters = manifest.stored, manifest.output
    if parameters is None:
        return _exact(rendition, manifest)
    if parameters.verbatim:
        return _verbatim(rendition, manifest)
    pixels = pixels_of(
        rendition,
        stored,
        mode=parameters.mode,
        size=(manifest.width, manifest.height),
        upscalers=upscalers,
        threads=threads,
    )
    if stored.tier in ("exact", "lossless"):
        recipe, metadata = lossless.unpack(rendition, stored.codec)
        served = png_recipe.write(pixels, recipe, metadata, manifest.size)
    else:
        metadata = _kept(rendition, manifest)
        served = output.encode(pixels, parameters, metadata=metadata, size=manifest.size)
    return _Restored(served, partial(content_digest, metadata, pixels))


def _exact(rendition: bytes, manifest: Manifest) -> _Restored:
    size = (manifest.width, manifest.height)
    codec, first = manifest.stored.codec, manifest.stored.length
    if manifest.stored.recipe:
        pixels = size[0] * size[1]
        served, content = rebuild(rendition, codec, pixels=pixels, length=manifest.size)
        return _Restored(served, lambda: content)
    if first:
        served = exact_parts.restore(rendition, codec, size=size, length=manifest.size, first=first)
    else:
        served = exact.restore(rendition, codec, size=size, length=manifest.size)
    return _Restored(served, partial(file_digest, served))


def _verbatim(rendition: bytes, manifest: Manifest) -> _Restored:
    found = png_verbatim.restore(
        rendition,
        manifest.stored.codec,
        size=(manifest.width, manifest.height),
        length=manifest.size,
    )
    return _Restored(found.served, partial(content_digest, found.layout.dumps(), found.samples))


def _kept(rendition: bytes, manifest: Manifest) -> bytes:
    codec = by_name(manifest.stored.codec)
    # Nothing that was kept is longer than the upload, but for lengths and markers between parts.
    return payload.unpack(
        codec.extract(rendition) or b"",
        codec.icc_profile(rendition),
        pixels=manifest.width * manifest.height,
        max_bytes=min(MAX_KEPT, manifest.size + _ROOM),
    )
