"""The manifest: object metadata that says how to restore the object.

It is compact, versioned ASCII JSON of at most ``MAX_BYTES``. Anyone with access to the bucket may
have changed it, so every number is bounded before use.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from slimgate.codec import versions
from slimgate.codec.notes import Hex, Measured, Note, Uploaded
from slimgate.config.policy import CODECS, Codec

WholeCodec = Literal["jxl", "lepton", "zstd"]
"""Codecs that hold whole files, which return byte for byte."""

MAX_BYTES: Final = 600
"""Maximum length of a manifest, bytes: S3 allows 2 KB of user metadata, the client's included."""

VERSION: Final = versions.MANIFEST
MAX_SIDE: Final = 65_535
MAX_PIXELS: Final = 250_000_000
MAX_FILE_BYTES: Final = 1 << 30


class BrokenManifest(ValueError):
    """The manifest is invalid, or of a version that this release cannot restore."""


_Quality = Annotated[int, Field(ge=0, le=100)]

_CODECS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "exact": ("webp", "jxl", "lepton", "zstd"),
    "lossless": ("webp", "jxl"),
    "recode": CODECS,
    "downscale": CODECS,
}


class Stored(Note):
    """The rendition, and how its pixels become full-size ones.

    Attributes:
        tier: tier of the rendition.
        codec: codec of the rendition.
        quality: on the codec's scale; 100 if lossless.
        scale: downscale factor; 1: full size.
        restorer: content hash of the restorer.
        level: coding level for restorers, 0 (lossless) to 255.
        length: length of the JPEG file that the codec of an ``exact`` rendition returns, if the
            upload had a trailer or was cut short, bytes; 0: that of the upload.
        recipe: the rendition holds pictures and a recipe, which writes the file from them.
    """

    tier: Literal["exact", "lossless", "recode", "downscale"] = Field(alias="t")
    codec: Codec | WholeCodec = Field(alias="c")
    quality: _Quality = Field(alias="q")
    scale: Annotated[int, Field(ge=1, le=4)] = Field(alias="x")
    restorer: Annotated[Hex, Field(min_length=16, max_length=16)] | None = Field(alias="r")
    level: Annotated[int, Field(ge=0, le=255)] = Field(default=0, alias="l")
    length: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)] = Field(default=0, alias="k")
    recipe: bool = Field(default=False, alias="p")

    @model_validator(mode="after")
    def _scale_fits_tier(self) -> Self:
        if (self.tier == "downscale") != (self.scale > 1):
            raise ValueError(f"tier {self.tier} cannot have scale {self.scale}")
        if self.scale > 1 and self.restorer is None:
            raise ValueError("a downscaled rendition needs a restorer")
        return self

    @model_validator(mode="after")
    def _identity_fits_codec(self) -> Self:
        if self.codec not in _CODECS_OF[self.tier]:
            raise ValueError(f"tier {self.tier} cannot have codec {self.codec}")
        without_loss = self.tier in ("exact", "lossless")
        if without_loss and (self.restorer is not None or self.level):
            raise ValueError(f"tier {self.tier} cannot have a restorer or a level")
        if self.recipe and (self.tier != "exact" or self.codec not in ("jxl", "zstd")):
            raise ValueError(f"tier {self.tier} and codec {self.codec} cannot have a recipe")
        return self


class Output(Note):
    """How to encode the restored pixels.

    Attributes:
        format: format of the upload.
        mode: mode, as Pillow names it.
        quality: quality of the encoder; for PNG, the compression level.
        subsampling: chroma subsampling of a JPEG.
        progressive: progressive JPEG.
        huffman: tables of a JPEG: those of its image, or of the standard (ITU-T T.81, annex K),
            with which it is written in one pass, in half the time, and 2 to 20 % larger.
        step: rounding step of a PNG's colours; 1: none.
        near: distance within which PNG colours snap to a common colour; 0: none.
        padding: where the padding of a JPEG goes: before the first comment of its header, as
            earlier versions did, or before the end of the image.
        deep: each sample of a PNG has 16 bits, its byte twice.
        indexed: a PNG has indices of the palette that is kept, each of its nearest colour.
        verbatim: the payload has the image header of a PNG, and all else but its samples.
    """

    format: Literal["JPEG", "PNG", "WEBP"] = Field(alias="f")
    mode: Literal["L", "LA", "P", "RGB", "RGBA"] = Field(alias="m")
    quality: _Quality = Field(alias="q")
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] | None = Field(alias="s")
    progressive: bool = Field(alias="p")
    huffman: Literal["optimal", "standard"] = Field(default="optimal", alias="h")
    step: Literal[1, 2, 3, 4, 5, 8] = Field(default=1, alias="d")
    near: Annotated[int, Field(ge=0, le=64)] = Field(default=0, alias="n")
    padding: Literal["header", "end"] = Field(default="header", alias="a")
    deep: bool = Field(default=False, alias="b")
    indexed: bool = Field(default=False, alias="i")
    verbatim: bool = Field(default=False, alias="v")

    @model_validator(mode="after")
    def _indices_are_of_colours(self) -> Self:
        otherwise_written = self.step > 1 or self.near or self.deep or self.verbatim
        coloured = self.format == "PNG" and self.mode in ("RGB", "RGBA")
        if self.indexed and (otherwise_written or not coloured):
            raise ValueError("only PNG files of colours have indices")
        return self

    @model_validator(mode="after")
    def _tables_are_of_sequential_jpeg(self) -> Self:
        # Progressive files have no standard tables: their bands need other codes.
        if self.huffman == "standard" and (self.format != "JPEG" or self.progressive):
            raise ValueError("only sequential JPEG files have standard tables")
        return self


class Manifest(Note):
    """What any later version needs to serve an object as it was uploaded.

    Attributes:
        version: version of the layout.
        size: size of the upload, and of every restored file, bytes.
        md5: MD5 of the upload, 32 lower-case hex digits.
        content_type: Content-Type from the client.
        width: width, pixels.
        height: height, pixels.
        stored: rendition.
        output: served file; None: the codec returns the file itself.
        sha256: SHA-256 of the served file, 64 lower-case hex digits.
        content: digest of header segments and restored pixels, independent of the encoder; of the
            file if there is no output.
        measured: fidelity of the served file.
        upload_etag: ETag of a multipart upload, which clients compute themselves.
        guard: kind of image for which the policy's floor was raised; restoring does not need it.
        uploaded: time of the upload; None: the rendition was stored at once.
        view: first 32 hex digits of the rendition's SHA-256, if it looks like the upload in any
            viewer; None: it does not, or the policy serves restored files only.
        policy: digest of the policy.
        gateway: version of slimgate.
        seal: keyed digest of all the above; codec neither creates nor verifies it.
    """

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = Field(alias="v")
    size: Annotated[int, Field(ge=1, le=MAX_FILE_BYTES)] = Field(alias="n")
    md5: Annotated[Hex, Field(min_length=32, max_length=32)] = Field(alias="md5")
    content_type: Annotated[str, Field(max_length=100, pattern=r"^[\x20-\x7e]*$")] = Field(
        alias="ct"
    )
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(alias="w")
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(alias="h")
    stored: Stored = Field(alias="st")
    output: Output | None = Field(default=None, alias="out")
    sha256: Annotated[Hex, Field(min_length=64, max_length=64)] = Field(alias="sha")
    content: Annotated[Hex, Field(min_length=32, max_length=32)] = Field(alias="cd")
    measured: Measured = Field(alias="fid")
    upload_etag: Annotated[str, Field(pattern=r"^[0-9a-f]{32}-[1-9][0-9]{0,4}$")] | None = Field(
        default=None, alias="e"
    )
    # Any name, so that manifests with kinds of later versions stay readable.
    guard: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")] | None = Field(default=None, alias="g")
    uploaded: Uploaded | None = Field(default=None, alias="u")
    view: Annotated[Hex, Field(min_length=32, max_length=32)] | None = Field(
        default=None, alias="vd"
    )
    policy: Annotated[Hex, Field(min_length=12, max_length=12)] = Field(alias="pol")
    gateway: Annotated[str, Field(max_length=20, pattern=r"^[0-9A-Za-z.+-]*$")] = Field(alias="gw")
    # The last member, because it covers the text before it.
    seal: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")] | None = Field(
        default=None, alias="s"
    )

    @model_validator(mode="after")
    def _pixels_are_bounded(self) -> Self:
        if self.width * self.height > MAX_PIXELS:
            raise ValueError(f"more than {MAX_PIXELS} pixels")
        return self

    @model_validator(mode="after")
    def _output_fits_tier(self) -> Self:
        # A JPEG is reconstructed from JPEG XL or Lepton, any file from Zstandard; all others are
        # re-encoded.
        whole = self.stored.tier == "exact" and self.stored.codec in get_args(WholeCodec)
        if self.output is None and not whole:
            raise ValueError("output is missing")
        if self.output is not None and self.stored.codec in ("lepton", "zstd"):
            raise ValueError(f"codec {self.stored.codec} has no output")
        if self.stored.length and (self.output is not None or self.stored.codec == "zstd"):
            raise ValueError("only exact JPEG files have a length of their own")
        if self.output is not None and self.output.verbatim:
            if self.output.format != "PNG" or self.stored.tier not in ("exact", "lossless"):
                raise ValueError("only PNG files without loss are verbatim")
        elif self.output is not None and self.output.mode in ("LA", "P"):
            raise ValueError(f"mode {self.output.mode} is only for verbatim files")
        if self.output is not None and self.stored.recipe:
            raise ValueError("a file with a recipe has no output")
        return self

    @property
    def etag(self) -> str:
        """Return the ETag for clients, unquoted: an MD5 if the bytes are those of the upload.

        Otherwise it contains a dash, which tells clients not to compare it with a digest.
        """
        if self.upload_etag is not None:
            return self.upload_etag
        return self.md5 if self.stored.tier == "exact" else f"{self.sha256[:32]}-1"

    def dumps(self, room: int = 0) -> str:
        """Return the manifest as ASCII; if too long, without what is for people alone.

        Args:
            room: bytes below ``MAX_BYTES`` to leave free.

        Raises:
            ValueError: still too long.
        """
        length = 0
        for manifest in self._shorter():
            text = manifest.model_dump_json(by_alias=True, exclude_defaults=True, ensure_ascii=True)
            length = len(text) + room
            if length <= MAX_BYTES:
                return text
        raise ValueError(f"manifest of {length} bytes; at most {MAX_BYTES} are allowed")

    def _shorter(self) -> Iterator["Manifest"]:
        """Yield manifests that restore the same, each shorter than the one before."""
        scores: dict[str, None] = {"ssimulacra2": None, "ssimulacra2_worst": None}
        update: dict[str, object] = {}
        yield self
        for name, value in (
            ("guard", None),
            ("measured", self.measured.model_copy(update=scores)),
            ("gateway", ""),
            ("view", None),
        ):
            update[name] = value
            yield self.model_copy(update=update)


def loads(text: str) -> Manifest:
    """Parse a manifest.

    Raises:
        BrokenManifest: malformed, out of bounds, or of an unknown version.
    """
    if len(text) > MAX_BYTES:
        raise BrokenManifest(f"longer than {MAX_BYTES} bytes")
    try:
        return Manifest.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenManifest(f"{where or 'manifest'}: {first['msg']}") from error
