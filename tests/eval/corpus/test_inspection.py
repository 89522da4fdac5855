import pytest

from slimgate.config import Policy
from slimgate.eval.corpus.inspection import Broken, look
from tests.codec.pictures import crop, save

_POLICY = Policy(name="p", bucket="b", mode="optimize")
_PHOTO = crop("RGB", 160, 120)


def test_jpeg_files_that_are_cut_short_are_measured() -> None:
    """The gateway stores them byte for byte, so that there is nothing to compare."""
    data = save(_PHOTO, "JPEG", quality=90)
    seen = look(data[: len(data) // 2], _POLICY)
    assert (seen.format, seen.width, seen.height, seen.source) == ("JPEG", 160, 120, None)
    assert seen.reason


def test_other_files_that_are_cut_short_are_broken() -> None:
    """Without its pixels, a file of another format is no image."""
    data = save(_PHOTO, "PNG")
    with pytest.raises(Broken, match="cannot be decoded"):
        look(data[: len(data) // 2], _POLICY)
