"""Which media type a client prefers."""

import pytest

from slimgate.gateway.s3 import accept

_CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("image/avif", True),
        ("IMAGE/AVIF", True),
        (" text/html , image/avif ;q=0.5 ", True),
        (_CHROMIUM, True),
        ("image/avif;q=0.8,image/jpeg;q=0.8", True),
        ("image/avif;q=1.000,*/*", True),
        ("image/avif;q=0.5,image/png", True),
        ("", False),
        ("*/*", False),
        ("image/*", False),
        ("image/avifs", False),
        ("image/avif;q=0", False),
        ("image/avif;q=0.000,image/*", False),
        ("image/avif;q=0.5,image/jpeg", False),
        ("image/avif;q=0.5,image/*;q=0.6", False),
        ("image/avif;q=0.5,*/*", False),
        ("image/avif,image/avif;q=0", False),
        ("image/avif;q=1.5", False),
        ("image/avif;q=", False),
        ("image/avif;q=0.0001", False),
        ("image/avif;profile=x", False),
        ("image/avif;q=1;profile=x", False),
        (",,;,", False),
        ("image/avif," + "a/b," * 100, True),
        ("image/avif," + "a/b," * 150, False),
    ],
)
def test_a_type_must_be_named_and_preferred(value: str, expected: bool) -> None:
    """Wildcards do not name AVIF; they count for JPEG, which the client would get otherwise."""
    assert accept.prefers(value, "image/avif", "image/jpeg") is expected
