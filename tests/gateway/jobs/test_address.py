import pytest

from slimgate.gateway.jobs.address import Place, object_place, place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket/a/b %41.jpg", ("bucket", "a/b %41.jpg")),
        ("s3://bucket//a", ("bucket", "/a")),
    ],
)
def test_places_are_read(text: str, expected: tuple[str, str]) -> None:
    """Bucket and key are taken as they are, without percent escapes."""
    assert place(text) == expected


@pytest.mark.parametrize(
    "text", ["", "bucket/key", "s3:/bucket", "http://bucket/key", "s3://", "s3://b", "s3://a b/c"]
)
def test_other_texts_are_refused(text: str) -> None:
    """What is no place is refused."""
    with pytest.raises(ValueError, match="s3://bucket/key"):
        place(text)


def test_an_object_has_a_key() -> None:
    """A bucket alone is no object, and a key is not longer than S3 allows."""
    with pytest.raises(ValueError, match="names no object"):
        object_place("s3://bucket/")
    with pytest.raises(ValueError, match="names no object"):
        object_place("s3://bucket//")
    with pytest.raises(ValueError, match="1024"):
        object_place("s3://bucket/" + "ä" * 513)


def test_places_cannot_command_a_terminal() -> None:
    """A key is shown without control characters, and addressed with them."""
    odd = Place("bucket", "a\x1b[2J\udcff")
    assert str(odd) == "s3://bucket/a?[2J?"
    assert odd.target.path == "/bucket/a%1B%5B2J%FF"
