"""A colour profile that cannot go unnoticed."""

from PIL import ImageCms


def red_as_green() -> bytes:
    """Return the profile of sRGB with red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    other = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    for tag in range(int.from_bytes(profile[128:132], "big")):
        at = 132 + 12 * tag
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = other.get(name, name)
    return bytes(profile)
