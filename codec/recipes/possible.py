"""Which parameters of coders a recipe may have; a recipe comes from the bucket."""

from types import MappingProxyType
from typing import Final

from slimgate.codec.recipes import gif_lzw
from slimgate.codec.recipes.coders import FAX, MAX_FAX_SIDE, REVERSED, Coder
from slimgate.codec.recipes.plan import INTERLACED, Family, Layout

_FAMILIES: Final = MappingProxyType[str, Family](
    {
        "none": "none",
        **dict.fromkeys(("zlib", "libdeflate", "zlib-ng"), "deflate"),
        **dict.fromkeys(("lzw of libtiff", "lzw of tifffile"), "lzw"),
        **dict.fromkeys(("packbits of libtiff", "packbits of tifffile"), "packbits"),
        "fax": "fax",
        "gif": "gif",
    }
)
_MAX_LEVELS: Final = MappingProxyType({"zlib": 9, "libdeflate": 12, "zlib-ng": 9})
_MAX_MEMORY: Final = 9  # zlib's MAX_MEM_LEVEL
_ALIGNS: Final = (1, 2, 4)  # bytes; BMP has 4


def is_possible(coder: Coder, layout: Layout) -> bool:
    """Return whether a coder writes segments of a layout, and has such parameters."""
    if layout.sample not in (1, 2) or layout.align not in _ALIGNS:
        return False
    if layout.family != _FAMILIES[coder.name] or coder.level > _MAX_LEVELS.get(coder.name, 0):
        return False
    if layout.family == "fax":
        return layout.variant & ~REVERSED in FAX and 0 < layout.width <= MAX_FAX_SIDE
    if layout.family == "gif":
        size = layout.variant & ~INTERLACED
        return layout.align == 1 and gif_lzw.MIN_SIZE <= size <= gif_lzw.MAX_SIZE
    return 0 < coder.memory <= _MAX_MEMORY if coder.name == "zlib" else not coder.memory
