"""Versions of what is stored, and of the libraries that write it; cheap to import."""

from typing import Final

MANIFEST: Final = 1
"""Version of the layout of manifests."""


def libraries() -> dict[str, str]:
    """Return name and version of the library behind each codec, by codec."""
    from imagecodecs import jpegxl_version, zstd_version  # noqa: PLC0415  # slow to import
    from PIL import features  # noqa: PLC0415  # as above

    return {
        "avif": f"libavif {features.version('avif')}",
        "jpeg": f"libjpeg-turbo {features.version('libjpeg_turbo')}",
        "jxl": jpegxl_version(),
        "webp": f"libwebp {features.version('webp')}",
        "zstd": zstd_version(),
    }
