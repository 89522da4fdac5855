"""Tests of reading words with Tesseract, against programs that behave as it does, or do not."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ocr
from slimgate.codec.measures.ocr import CannotRead
from tests.codec.pictures import noise

Install = Callable[[str], Path]

_HEADER = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"


def _row(word: str, confidence: float) -> str:
    return "\t".join(["5", "1", "1", "1", "1", "1", "0", "0", "9", "9", str(confidence), word])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a program of that name first on the PATH."""

    def put(body: str) -> Path:
        program = tmp_path / "tesseract"
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return program

    return put


def _printing(*rows: str) -> str:
    text = "\n".join([_HEADER, *rows]) + "\n"
    return f"import sys\nsys.stdin.buffer.read()\nsys.stdout.write({text!r})\n"


def test_sure_words_are_counted(install: Install) -> None:
    """Words count without case and punctuation; guesses, single letters and gaps do not."""
    rows = [_row("Total:", 96.1), _row("total", 90), _row("x", 99), _row("gues", 12), _row("", -1)]
    install(_printing(*rows))
    assert Counter({"total": 2}) == ocr.words(noise(20, 30), timeout_s=20, sure=50)
    assert ocr.words(noise(20, 30), timeout_s=20)["gues"] == 1


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4)])
def test_the_program_gets_gray_pixels(
    install: Install, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """The program receives a complete graymap of the image at twice the size."""
    install(f"""
        import pathlib, sys
        pathlib.Path({str(tmp_path / "seen")!r}).write_bytes(sys.stdin.buffer.read())
        print({_HEADER!r})
    """)
    assert ocr.words(noise(*shape), timeout_s=20) == Counter()
    with Image.open(tmp_path / "seen") as image:
        assert (image.format, image.mode, image.size) == ("PPM", "L", (60, 40))


def test_it_sees_no_secrets(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the gateway, where secrets may be, is not passed on."""
    monkeypatch.setenv("SLIMGATE_CREDENTIALS__0__SECRET_KEY", "hidden")
    install(f"""
        import os, sys
        sys.stdin.buffer.read()
        print({_HEADER!r})
        for name in os.environ:
            print({_row("NAME", 99)!r}.replace("NAME", name))
    """)
    seen = ocr.words(noise(20, 30), timeout_s=20)
    assert "path" in seen
    assert not [name for name in seen if "secret" in name]


@pytest.mark.parametrize(
    ("body", "timeout_s", "reason"),
    [
        ("import time\ntime.sleep(60)", 0.2, "longer than"),
        ("raise SystemExit(1)", 60, "run it by hand"),
    ],
)
def test_a_program_that_fails_says_so(
    install: Install, body: str, timeout_s: float, reason: str
) -> None:
    """A hung program is killed, and a failure is reported; neither yields words."""
    install(body)
    with pytest.raises(CannotRead, match=reason):
        ocr.words(noise(20, 30), timeout_s=timeout_s)


def test_a_missing_program_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the program nothing is read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRead, match="tesseract failed"):
        ocr.words(noise(20, 30), timeout_s=20)


@pytest.mark.parametrize("shape", [(40_000, 16), (8_000, 8_000)])
def test_large_images_are_not_read(shape: tuple[int, int]) -> None:
    """Images that the program would take minutes for, or refuse, are not given to it."""
    with pytest.raises(CannotRead, match="too large"):
        ocr.words(np.zeros(shape, np.uint8), timeout_s=20)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["a1", "a1", "b2", "c3"], ["a1", "b2", "d4"], 0.5),
        (["a1"], ["a1", "b2"], 1.0),
        (["a1"], [], 0.0),
        ([], ["a1"], 1.0),
    ],
)
def test_kept_words_are_a_share(before: list[str], after: list[str], expected: float) -> None:
    """The share is of the words before; what is read in addition counts for nothing."""
    assert ocr.share_recognized(Counter(before), Counter(after)) == expected


def _page(*, blurred: bool) -> Pixels:
    image = Image.new("L", (900, 300), 255)
    draw = ImageDraw.Draw(image)
    for top in range(20, 280, 50):
        draw.text((20, top), "legible words on white paper", fill=0, font_size=32)
    small = image.resize((90, 30), Image.Resampling.BOX).resize(image.size)
    return np.asarray(small if blurred else image)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_the_real_program_reads() -> None:
    """Tesseract finds the words of a clean page, and not those of a ruined one."""
    before = ocr.words(_page(blurred=False), timeout_s=60)
    after = ocr.words(_page(blurred=True), timeout_s=60)
    assert {"legible", "words", "paper"} <= set(before)
    assert ocr.share_recognized(before, before) == 1
    assert ocr.share_recognized(before, after) < 0.5
