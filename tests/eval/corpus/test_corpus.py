import random
from collections import Counter
from pathlib import Path

import pytest

from slimgate.eval.corpus import corpus
from slimgate.eval.corpus.corpus import BadCorpus, Item
from slimgate.eval.corpus.sampling import sample


def _write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    """The first folder below the corpus is the class of everything in it."""
    _write(tmp_path, "cats/a.jpg", "cats/deep/b.PNG", "dogs/c", "d.webp")
    found = [(item.name, item.kind, item.bytes) for item in corpus.read(str(tmp_path))]
    assert found == [
        ("d.webp", "", 10),
        ("cats/a.jpg", "cats", 10),
        ("cats/deep/b.PNG", "cats", 10),
        ("dogs/c", "dogs", 10),
    ]


def test_what_is_no_image_is_not_in_a_corpus(tmp_path: Path) -> None:
    """Files with other endings, and hidden ones, are left alone."""
    _write(tmp_path, "a.jpg", "notes.txt", ".hidden.jpg", ".git/b.jpg", ".DS_Store")
    assert [item.name for item in corpus.read(str(tmp_path))] == ["a.jpg"]


def test_a_csv_names_paths_beside_itself(tmp_path: Path) -> None:
    """Paths of a CSV file are relative to it; a missing file has no bytes and stays listed."""
    _write(tmp_path, "in/a.jpg")
    table = tmp_path / "list.csv"
    table.write_text("\ufeffclass,path\ncats,in/a.jpg\n,gone.png\n", encoding="utf-8")
    found = corpus.read(str(table))
    assert [
        Item("in/a.jpg", "cats", 10, str(tmp_path / "in/a.jpg")),
        Item("gone.png", "", 0, str(tmp_path / "gone.png")),
    ] == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\na.jpg\n", "no column 'path'"),
        (b"", "no column 'path'"),
        (b"path\n", "contains no images"),
        (b"path\na.jpg\na.jpg\n", "line 3: a.jpg is a duplicate"),
        (b'path,class\n"",x\n', "line 2: the path is empty"),
        (b"path\n\xff\xfe\n", "neither a folder nor a CSV file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "neither a folder nor a CSV file in UTF-8"),
    ],
)
def test_a_bad_csv_is_explained(tmp_path: Path, content: bytes, message: str) -> None:
    """Errors in a CSV file name the file."""
    table = tmp_path / "list.csv"
    table.write_bytes(content)
    with pytest.raises(BadCorpus, match=message):
        corpus.read(str(table))


def test_a_corpus_that_is_not_there_says_what_there_could_be(tmp_path: Path) -> None:
    """A wrong path is answered with the three kinds of corpus."""
    with pytest.raises(BadCorpus, match=r"does not exist; name a folder.*s3://"):
        corpus.read(str(tmp_path / "gone"))


def test_unknown_classes_are_answered_with_known_ones() -> None:
    """A class that is not there is an error that names those that are."""
    items = [Item("a", "cats", 1, ""), Item("b", "dogs", 1, "")]
    assert items[:1] == corpus.only(items, ["cats"])
    with pytest.raises(BadCorpus, match="unknown class birds; the corpus has cats, dogs"):
        corpus.only(items, ["birds"])


def test_a_sample_has_all_sizes_and_classes() -> None:
    """Each decile of sizes of each class contributes equally many images."""
    random.seed(1)
    items = [Item(f"{kind}{n}", kind, n * 100, "") for kind in ("a", "b") for n in range(1, 501)]
    random.shuffle(items)
    taken = sample(items, 40, seed=3)
    tenths = Counter((item.kind, (item.bytes - 1) // 5000) for item in taken)
    assert set(tenths.values()) == {2}
    assert len(tenths) == 20


def test_a_sample_is_repeated_by_its_seed() -> None:
    """The same seed takes the same images in the corpus' order, another one takes others."""
    items = [Item(str(n), "", n, "") for n in range(100)]
    taken = sample(items, 10, seed=5)
    assert taken == sample(items, 10, seed=5)
    assert taken != sample(items, 10, seed=6)
    assert sorted(taken, key=items.index) == taken


def test_a_sample_of_all_is_all() -> None:
    """A sample as large as the corpus, or larger, is the corpus."""
    items = [Item(str(n), "", n, "") for n in range(5)]
    assert items == sample(items, 5, seed=0) == sample(items, 50, seed=0)
