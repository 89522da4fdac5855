"""The note in an object's metadata that says how to restore it.

It is compact ASCII JSON with a version, at most ``MAX_BYTES`` long. It is read back from the
bucket, where anybody with access may have changed it: every number is bounded before it is used.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MAX_BYTES: Final = 600
"""Longest manifest in bytes: S3 allows 2 KB of user metadata in all, the client's own included."""

VERSION: Final = 1
MAX_SIDE: Final = 65_535
MAX_PIXELS: Final = 250_000_000
MAX_FILE_BYTES: Final = 1 << 30


class BrokenManifest(ValueError):
    """The metadata key is there, but this version cannot tell how to restore the object."""


_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]+$")]
_Quality = Annotated[int, Field(ge=0, le=100)]


class _Note(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Stored(_Note):
    """What lies in the bucket and how its pixels become the full-size ones.

    Attributes:
        tier: What the served file has in common with the upload.
        codec: What the rendition is written with.
        quality: On the codec's own scale; 100 without loss.
        scale: Factor by which it was shrunk; 1: not at all.
        restorer: Content hash of what enlarges it.
        level: How coarse the codec was, as restorers are told: 0 (lossless) to 255.
    """

    tier: Literal["exact", "lossless", "recode", "downscale"] = Field(alias="t")
    codec: Literal["avif", "webp", "jxl", "jpeg"] = Field(alias="c")
    quality: _Quality = Field(alias="q")
    scale: Annotated[int, Field(ge=1, le=4)] = Field(alias="x")
    restorer: Annotated[_Hex, Field(min_length=16, max_length=16)] | None = Field(alias="r")
    level: Annotated[int, Field(ge=0, le=255)] = Field(default=0, alias="l")

    @model_validator(mode="after")
    def _scale_fits_tier(self) -> Self:
        if (self.tier == "downscale") != (self.scale > 1):
            raise ValueError(f"tier {self.tier} cannot have scale {self.scale}")
        if self.scale > 1 and self.restorer is None:
            raise ValueError("a downscaled rendition needs a restorer")
        return self

    @model_validator(mode="after")
    def _identity_fits_codec(self) -> Self:
        if self.tier not in ("exact", "lossless"):
            return self
        if self.codec not in ("webp", "jxl"):
            raise ValueError(f"tier {self.tier} cannot have codec {self.codec}")
        if self.restorer is not None or self.level:
            raise ValueError(f"tier {self.tier} cannot have a restorer or a level")
        return self


class Output(_Note):
    """How the served file is encoded from the restored pixels.

    Attributes:
        format: Of the upload.
        mode: As Pillow names it.
        quality: Of the encoder; for PNG its compression level.
        subsampling: Of chroma, for JPEG.
        progressive: For JPEG.
        step: Of a PNG's colours, which are rounded to multiples of it; 1: not at all.
        near: How near to a common colour of a PNG others take it on; 0: none does.
    """

    format: Literal["JPEG", "PNG", "WEBP"] = Field(alias="f")
    mode: Literal["L", "RGB", "RGBA"] = Field(alias="m")
    quality: _Quality = Field(alias="q")
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] | None = Field(alias="s")
    progressive: bool = Field(alias="p")
    step: Literal[1, 2, 4, 8] = Field(default=1, alias="d")
    near: Annotated[int, Field(ge=0, le=64)] = Field(default=0, alias="n")


class Measured(_Note):
    """Fidelity of the served file against the upload, as measured when it was stored."""

    psnr_db: Annotated[float, Field(ge=0, le=100)] = Field(alias="p")
    ssim: Annotated[float, Field(ge=-1, le=1)] = Field(alias="s")
    orb: Annotated[float, Field(ge=0, le=1)] = Field(alias="o")


class Manifest(_Note):
    """Everything that a later version needs to serve an object as it was uploaded.

    Attributes:
        version: Of this note's layout.
        size: Bytes of the upload, and of every restored file.
        md5: Of the upload, 32 lower-case hex digits.
        content_type: As the client gave it.
        width: In pixels.
        height: In pixels.
        stored: The rendition.
        output: The served file; None: what the codec gives back is the file itself.
        sha256: Of the served file, 64 lower-case hex digits.
        content: Digest of header segments and restored pixels, whatever encoder writes them; of
            the file where there is no output.
        measured: Fidelity of the served file.
        upload_etag: ETag that a multipart upload was given, which clients compute themselves.
        policy: Digest of the policy that asked for it.
        gateway: Version that wrote it.
        seal: Keyed digest of all that, which codec neither makes nor verifies.
    """

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = Field(alias="v")
    size: Annotated[int, Field(ge=1, le=MAX_FILE_BYTES)] = Field(alias="n")
    md5: Annotated[_Hex, Field(min_length=32, max_length=32)] = Field(alias="md5")
    content_type: Annotated[str, Field(max_length=100, pattern=r"^[\x20-\x7e]*$")] = Field(
        alias="ct"
    )
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(alias="w")
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(alias="h")
    stored: Stored = Field(alias="st")
    output: Output | None = Field(default=None, alias="out")
    sha256: Annotated[_Hex, Field(min_length=64, max_length=64)] = Field(alias="sha")
    content: Annotated[_Hex, Field(min_length=32, max_length=32)] = Field(alias="cd")
    measured: Measured = Field(alias="fid")
    upload_etag: Annotated[str, Field(pattern=r"^[0-9a-f]{32}-[1-9][0-9]{0,4}$")] | None = Field(
        default=None, alias="e"
    )
    policy: Annotated[_Hex, Field(min_length=12, max_length=12)] = Field(alias="pol")
    gateway: Annotated[str, Field(max_length=20, pattern=r"^[0-9A-Za-z.+-]*$")] = Field(alias="gw")
    # The last member: it covers the text before it.
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
        # A JPEG file returns from JPEG XL as it was; all other files are encoded anew.
        whole = self.stored.tier == "exact" and self.stored.codec == "jxl"
        if self.output is None and not whole:
            raise ValueError("without output, though the file is to be encoded")
        return self

    @property
    def etag(self) -> str:
        """Give the ETag that clients see, without quotes: an MD5 where the bytes are the upload's.

        Everything else gets the dash that tells clients not to compare it with a digest.
        """
        if self.upload_etag is not None:
            return self.upload_etag
        return self.md5 if self.stored.tier == "exact" else f"{self.sha256[:32]}-1"

    def dumps(self) -> str:
        """Write the note as ASCII.

        Raises:
            ValueError: It would be longer than ``MAX_BYTES``.
        """
        text = self.model_dump_json(by_alias=True, exclude_defaults=True, ensure_ascii=True)
        if len(text) > MAX_BYTES:
            raise ValueError(f"manifest of {len(text)} bytes; at most {MAX_BYTES} are allowed")
        return text


def loads(text: str) -> Manifest:
    """Read a note.

    Raises:
        BrokenManifest: It is malformed, out of bounds, or of a version that is not known here.
    """
    if len(text) > MAX_BYTES:
        raise BrokenManifest(f"longer than {MAX_BYTES} bytes")
    try:
        return Manifest.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenManifest(f"{where or 'manifest'}: {first['msg']}") from error
