"""The specification of stored objects is complete, and enough to write a reader."""

import ast
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from slimgate.codec.containers import bmff, png_chunks, webp_layout, webp_payload
from slimgate.codec.golden import Golden, objects
from slimgate.codec.manifest import Manifest, Output, Stored
from slimgate.codec.notes import Measured, Note, Uploaded
from slimgate.models import CATALOG
from tests import documents
from tests.codec import independent_reader

_PAGE = documents.text("docs/format.md")
_GOLDEN = objects()


@pytest.mark.parametrize("model", [Manifest, Stored, Output, Measured, Uploaded])
def test_every_field_is_specified(model: type[BaseModel]) -> None:
    """The page has each member beside its field, and no others."""
    rows = re.findall(r"^\| (`.+?) \| (`\w+\..+?) \|", _PAGE, re.MULTILINE)
    named = {
        name: member
        for members, names in rows
        for member, name in zip(members.split(", "), names.split(", "), strict=True)
    }
    fields = {
        f"`{model.__name__}.{name}`": f"`{field.alias}`"
        for name, field in model.model_fields.items()
    }
    assert {n: m for n, m in named.items() if n.startswith(f"`{model.__name__}.")} == fields


def test_all_parts_of_manifests_are_specified() -> None:
    """No part of a manifest is a model that the page does not know."""
    assert {each.__name__ for each in Note.__subclasses__()} == {
        "Manifest", "Stored", "Output", "Measured", "Uploaded",
    }  # fmt: skip


@pytest.mark.parametrize("model", [Stored, Output])
def test_every_value_is_specified(model: type[BaseModel]) -> None:
    """The page has each value of the fields that have few."""
    schema = model.model_json_schema()
    for name, field in schema["properties"].items():
        choices = [
            *field.get("enum", ()),
            *(v for e in field.get("anyOf", ()) for v in e.get("enum", ())),
        ]
        (row,) = (line for line in _PAGE.splitlines() if f"| `{name}` | `{model.__name__}." in line)
        assert [each for each in choices if str(each) not in row] == []


def test_identifiers_are_specified() -> None:
    """The page has the names of boxes and chunks, and the hashes of interpolations."""
    kinds = (png_chunks.PADDING, webp_layout.PADDING, webp_payload.CHUNK)
    hashes = [card.hash for card in CATALOG if card.name in ("lanczos", "bicubic")]
    for each in (*(kind.decode() for kind in kinds), *hashes, bmff.BOX_ID.hex()):
        assert each in _PAGE.replace("-", "") or each in _PAGE


def test_the_reader_is_independent() -> None:
    """It imports nothing of slimgate."""
    tree = ast.parse(Path(independent_reader.__file__).read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "slimgate").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
    assert found & {"slimgate", "tests", "codec"} == set()


_COVERED = {
    "downscale-jpeg.avif", "downscale-png-jpeg.jpg", "downscale-png-jxl.jxl",
    "downscale-png-webp.webp", "exact-bmp.zst", "exact-jpeg-cut.jxl", "exact-jpeg-trailer.jxl",
    "exact-jpeg.jxl", "recode-jpeg-end.webp", "recode-jpeg-gain-map.avif", "recode-jpeg-gray.avif",
    "recode-jpeg-huffman.avif", "recode-jpeg-jpeg.jpg", "recode-jpeg-jxl.jxl",
    "recode-jpeg-trailer.avif", "recode-jpeg-webp.webp", "recode-png-rgba.avif",
    "recode-png-tail.webp", "recode-webp.avif",
}  # fmt: skip


@pytest.mark.parametrize("golden", _GOLDEN, ids=lambda golden: golden.name)
def test_an_independent_reader_restores_stored_objects(golden: Golden) -> None:
    """From the page alone, to the byte; what it leaves out is said."""
    note = golden.manifest.dumps()
    if golden.name not in _COVERED:
        with pytest.raises(independent_reader.NotCovered):
            independent_reader.restore(golden.rendition, note)
        return
    file = independent_reader.restore(golden.rendition, note)
    assert hashlib.sha256(file).hexdigest() == golden.manifest.sha256


def test_a_public_program_returns_an_exact_jpeg_file(tmp_path: Path) -> None:
    """Djxl alone reconstructs the upload."""
    if shutil.which("djxl") is None:
        pytest.skip("djxl is missing (Debian: libjxl-tools)")
    golden = next(each for each in _GOLDEN if each.name == "exact-jpeg.jxl")
    (tmp_path / "stored.jxl").write_bytes(golden.rendition)
    command = ["djxl", str(tmp_path / "stored.jxl"), str(tmp_path / "file.jpg")]
    subprocess.run(command, check=True, capture_output=True)
    found = hashlib.md5((tmp_path / "file.jpg").read_bytes(), usedforsecurity=False)
    assert found.hexdigest() == golden.manifest.md5
