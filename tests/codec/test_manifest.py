"""Tests of the note that says how to restore an object."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slimgate.codec import manifest
from slimgate.codec.manifest import BrokenManifest, Manifest, Output, Stored
from slimgate.codec.notes import Measured, Uploaded
from tests.config.builders import steady

_HEX = "0123456789abcdef"
_PRINTABLE = st.characters(codec="ascii", min_codepoint=0x20, max_codepoint=0x7E)


def _hex(length: int) -> st.SearchStrategy[str]:
    return st.text(_HEX, min_size=length, max_size=length)


@st.composite
def _stored(draw: st.DrawFn) -> Stored:
    if draw(st.booleans()):
        tier = draw(st.sampled_from(["exact", "lossless"]))
        codec = draw(st.sampled_from(["webp", "jxl"]))
        return Stored.model_validate(
            {"tier": tier, "codec": codec, "quality": 100, "scale": 1, "restorer": None}
        )
    scale = draw(st.integers(1, 4))
    restorer = _hex(16) if scale > 1 else st.none() | _hex(16)
    return Stored(
        tier="downscale" if scale > 1 else "recode",
        codec=draw(st.sampled_from(["avif", "webp", "jxl", "jpeg"])),
        quality=draw(st.integers(0, 100)),
        scale=scale,
        restorer=draw(restorer),
        level=draw(st.integers(0, 255)),
    )


def _steps(low: int, high: int, steps: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda value: value / steps)


@st.composite
def _uploads(draw: st.DrawFn) -> Uploaded:
    time_ms = draw(st.integers(0, 2**32 * 1000))
    return Uploaded(time_ms=time_ms, until=draw(st.integers(0, 2**32)), object=draw(_hex(8)))


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Draw any manifest that is not sealed."""
    uploaded = draw(st.none() | _uploads())
    width = draw(st.integers(1, manifest.MAX_SIDE))
    tallest = min(manifest.MAX_SIDE, manifest.MAX_PIXELS // width)
    return Manifest(
        version=manifest.VERSION,
        size=draw(st.integers(1, manifest.MAX_FILE_BYTES)),
        md5=draw(_hex(32)),
        content_type=draw(st.text(_PRINTABLE, max_size=100 if uploaded is None else 50)),
        width=width,
        height=draw(st.integers(1, tallest)),
        stored=draw(_stored()),
        output=Output(
            format=draw(st.sampled_from(["JPEG", "PNG", "WEBP"])),
            mode=draw(st.sampled_from(["L", "RGB", "RGBA"])),
            quality=draw(st.integers(0, 100)),
            subsampling=draw(st.sampled_from(["4:4:4", "4:2:2", "4:2:0", None])),
            progressive=draw(st.booleans()),
        ),
        sha256=draw(_hex(64)),
        content=draw(_hex(32)),
        upload_etag=draw(
            st.none() | st.from_regex(r"[0-9a-f]{32}-[1-9][0-9]{0,4}", fullmatch=True)
        ),
        measured=Measured(
            psnr_db=draw(_steps(0, 9999, 100)),
            ssim=draw(_steps(-10_000, 10_000, 10_000)),
            orb=draw(_steps(0, 1000, 1000)),
            ssimulacra2=draw(st.none() | _steps(-9_999, 10_000, 100)),
            ssimulacra2_worst=draw(st.none() | _steps(-9_999, 10_000, 100)),
        ),
        uploaded=uploaded,
        policy=draw(_hex(12)),
        gateway=draw(st.from_regex(r"[0-9A-Za-z.+-]{0,20}", fullmatch=True)),
    )


def _longest() -> Manifest:
    return Manifest(
        version=manifest.VERSION,
        size=manifest.MAX_FILE_BYTES,
        md5="f" * 32,
        content_type="t" * 100,
        width=manifest.MAX_SIDE,
        height=manifest.MAX_PIXELS // manifest.MAX_SIDE,
        stored=Stored(
            tier="downscale", codec="avif", quality=100, scale=4, restorer="f" * 16, level=255
        ),
        output=Output(
            format="JPEG", mode="RGBA", quality=100, subsampling="4:2:0", progressive=False
        ),
        sha256="f" * 64,
        content="f" * 32,
        measured=Measured(
            psnr_db=99.99,
            ssim=-0.9999,
            orb=0.999,
            ssimulacra2=-99.99,
            ssimulacra2_worst=-99.99,
        ),
        upload_etag=f"{'f' * 32}-10000",
        policy="f" * 12,
        gateway="9" * 20,
    )


def _document() -> dict[str, Any]:
    """Return a manifest as plain data, with room for changes below the limit."""
    document: dict[str, Any] = json.loads(_longest().dumps())
    del document["e"]
    uploaded = {"m": 1_700_000_000_000, "t": 1_800_000_000, "o": "f" * 8}
    return document | {"ct": "image/jpeg", "gw": "0.1.0", "u": uploaded}


def _loads(document: dict[str, Any]) -> Manifest:
    text = json.dumps(document, separators=(",", ":"))
    assert len(text) <= manifest.MAX_BYTES
    return manifest.loads(text)


@steady
@given(manifests())
def test_notes_survive_the_bucket(note: Manifest) -> None:
    """A manifest round-trips, as printable ASCII within the limit."""
    text = note.dumps()
    assert note == manifest.loads(text)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= manifest.MAX_BYTES


def test_the_longest_note_fits() -> None:
    """The longest content that an upload can bring about stays within the limit."""
    assert len(_longest().dumps()) <= manifest.MAX_BYTES


def test_the_guard_is_left_out_where_it_does_not_fit() -> None:
    """A guard is for people: a note that has no room for it is written without."""
    guarded = _longest().model_copy(update={"guard": "screenshot"})
    assert guarded.dumps() == _longest().dumps()
    shorter = guarded.model_copy(update={"content_type": "image/jpeg"})
    assert manifest.loads(shorter.dumps()).guard == "screenshot"


def test_scores_and_version_are_left_out_where_they_do_not_fit() -> None:
    """What is for people goes first, as little as need be; the rest restores the same."""
    whole = _longest().model_copy(update={"content_type": "t" * 64})
    without = {"ssimulacra2": None, "ssimulacra2_worst": None}
    scoreless = whole.model_copy(update={"measured": whole.measured.model_copy(update=without)})
    assert manifest.loads(whole.dumps(38)) == whole
    assert manifest.loads(whole.dumps(39)) == scoreless
    assert manifest.loads(whole.dumps(61)) == scoreless.model_copy(update={"gateway": ""})


def test_guards_of_later_versions_are_read() -> None:
    """A kind of image that this version does not know is no reason not to restore."""
    assert _loads(_document() | {"g": "radar"}).guard == "radar"


def test_longer_notes_are_not_written() -> None:
    """A note beyond the limit is an error when it is written, not when it is read."""
    measured = Measured(psnr_db=1 / 3, ssim=-1e-5 / 3, orb=1e-5 / 3)
    with pytest.raises(ValueError, match="at most 600"):
        _longest().model_copy(update={"measured": measured}).dumps(29)


def test_longer_notes_are_not_read() -> None:
    """A text beyond the limit is refused before it is looked at."""
    text = _longest().dumps()
    assert manifest.loads(text.ljust(manifest.MAX_BYTES)) == _longest()
    with pytest.raises(BrokenManifest, match="longer than 600"):
        manifest.loads(text.ljust(manifest.MAX_BYTES + 1))


_NO_INTEGERS: list[Any] = [None, "1", 1.5, True, [1], {}, 10**30]
_BROKEN: list[tuple[str, list[Any]]] = [
    ("v", [0, 2, 3, -1, *_NO_INTEGERS]),
    ("n", [0, -1, manifest.MAX_FILE_BYTES + 1, *_NO_INTEGERS]),
    ("md5", ["", "f" * 31, "f" * 33, "F" * 32, "g" * 32, "f" * 31 + "\n", None, 1]),
    ("ct", ["x" * 101, "a\n", "a\r\nb", "\x7f", "é", "\0", None, 1]),
    ("w", [0, -1, manifest.MAX_SIDE + 1, *_NO_INTEGERS]),
    ("h", [0, -1, manifest.MAX_SIDE + 1, *_NO_INTEGERS]),
    ("st.t", ["exact", "lossless", "recode", "plain", "", None, 1]),
    ("st.c", ["heic", "AVIF", "", None]),
    ("st.q", [-1, 101, *_NO_INTEGERS]),
    ("st.x", [0, 1, 5, -2, *_NO_INTEGERS]),
    ("st.l", [-1, 256, *_NO_INTEGERS]),
    ("st.r", [None, "", "f" * 15, "f" * 17, "F" * 16, "../../../../etc/", 1]),
    ("out.f", ["AVIF", "jpeg", "", None]),
    ("out.m", ["CMYK", "P", "", None]),
    ("out.q", [-1, 101, *_NO_INTEGERS]),
    ("out.s", ["4:1:1", "", 444]),
    ("out.p", [None, 0, 1, "true"]),
    ("sha", ["", "f" * 63, "f" * 65, "F" * 64, "f" * 63 + "\n", None]),
    ("fid.p", [-0.1, 100.1, float("nan"), float("inf"), None, "1", True]),
    ("fid.s", [-1.1, 1.1, float("nan"), float("-inf"), None]),
    ("fid.o", [-0.1, 1.1, float("nan"), None]),
    ("u.m", [-1, 253_402_300_799_001, *_NO_INTEGERS]),
    ("u.t", [-1, 253_402_300_800, *_NO_INTEGERS]),
    ("u.o", ["", "f" * 7, "f" * 9, "F" * 8, None, 1]),
    ("pol", ["", "f" * 11, "f" * 13, "g" * 12, None]),
    ("gw", ["1" * 21, "1 ", "1\n", "é", None]),
    ("st", [None, [], {}, "x"]),
    ("out", [None, [], {}, "x"]),
    ("fid", [None, [], {}, "x"]),
]


def _place(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *groups, name = path.split(".")
    for group in groups:
        document = document[group]
    return document, name


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in _BROKEN for value in values]
)
def test_values_out_of_bounds_are_refused(path: str, value: Any) -> None:
    """Whichever field is out of its bounds or of another type, the note is broken."""
    document = _document()
    group, name = _place(document, path)
    assert name in group
    group[name] = value
    with pytest.raises(BrokenManifest):
        _loads(document)


def test_unbroken_values_are_taken() -> None:
    """The note that the broken ones are made of is a good one."""
    document = _document()
    document["out"]["s"] = None
    assert document == json.loads(_loads(document).dumps())


@pytest.mark.parametrize("path", [path for path, _ in _BROKEN if path != "st.l"])
def test_every_field_is_needed(path: str) -> None:
    """A note that lacks any of its fields is broken."""
    document = _document()
    group, name = _place(document, path)
    del group[name]
    with pytest.raises(BrokenManifest):
        _loads(document)


@pytest.mark.parametrize(
    "path", ["extra", "st.extra", "out.extra", "fid.extra", "u.extra", "size", "st.tier"]
)
def test_unknown_fields_are_refused(path: str) -> None:
    """A field that is not known here may mean something, so the note is not taken."""
    document = _document()
    group, name = _place(document, path)
    group[name] = 1
    with pytest.raises(BrokenManifest):
        _loads(document)


def test_fields_have_one_spelling() -> None:
    """The long name of a field is not a second way to spell it."""
    document = _document()
    document["size"] = document.pop("n")
    with pytest.raises(BrokenManifest):
        _loads(document)


@pytest.mark.parametrize(("width", "height", "fits"), [(50_000, 5000, True), (4578, 54_609, False)])
def test_pixels_are_bounded(width: int, height: int, fits: bool) -> None:
    """Sides within their bounds make no image with more pixels than are allowed."""
    document = _document() | {"w": width, "h": height}
    if fits:
        assert width * height == manifest.MAX_PIXELS
        assert (_loads(document).width, _loads(document).height) == (width, height)
    else:
        with pytest.raises(BrokenManifest, match="pixels"):
            _loads(document)


def test_tier_and_scale_agree() -> None:
    """A recoded rendition has full size, and may still have a restorer."""
    document = _document()
    document["st"] |= {"t": "recode", "x": 1}
    assert _loads(document).stored.restorer == "f" * 16
    document["st"]["r"] = None
    assert _loads(document).stored.restorer is None


@pytest.mark.parametrize(
    "text",
    ["", " ", "null", "[]", "1", "{}", '"x"', "{", "[" * 600, "9" * 600, "\ud800", '{"v":1}', "\0"],
)
def test_other_texts_are_broken(text: str) -> None:
    """Text that is no note is a broken manifest, never another error."""
    with pytest.raises(BrokenManifest):
        manifest.loads(text)


@steady
@given(st.text(st.characters(), max_size=700))
def test_junk_is_broken(text: str) -> None:
    """Any text, even one that is no Unicode, is a broken manifest and nothing worse."""
    with pytest.raises(BrokenManifest):
        manifest.loads(text)


@steady
@given(st.integers(0, 599), st.characters())
def test_altered_notes_are_read_or_broken(position: int, character: str) -> None:
    """A note with one character changed is read within its bounds or is broken."""
    text = _longest().dumps()
    altered = text[:position] + character + text[position + 1 :]
    try:
        note = manifest.loads(altered)
    except BrokenManifest:
        return
    assert note.width * note.height <= manifest.MAX_PIXELS


def test_the_message_says_where() -> None:
    """The error names the field and does not repeat what stood there."""
    document = _document()
    document["out"]["q"] = 777
    with pytest.raises(BrokenManifest, match=r"^out\.q: ") as raised:
        _loads(document)
    assert "777" not in str(raised.value)


def test_etags_follow_the_bytes() -> None:
    """The ETag is half of the digest, with a dash as it is no MD5, or the upload's where it is."""
    note = _longest().model_copy(update={"sha256": "0123456789abcdef" * 4})
    assert note.etag == f"{'f' * 32}-10000"
    whole = note.model_copy(update={"upload_etag": None})
    assert whole.etag == "0123456789abcdef0123456789abcdef-1"
    stored = Stored(tier="exact", codec="jxl", quality=100, scale=1, restorer=None)
    exact = whole.model_copy(update={"stored": stored, "md5": "0123" * 8})
    assert exact.etag == "0123" * 8
    assert note.model_copy(update={"stored": stored}).etag == f"{'f' * 32}-10000"


def _exact() -> dict[str, Any]:
    document = _document()
    document["st"] = {"t": "exact", "c": "jxl", "q": 100, "x": 1, "r": None}
    del document["out"]
    return document


def test_exact_notes_need_no_output() -> None:
    """A file that comes out of the codec as it is has no output; that of a PNG file has one."""
    document = _exact()
    assert _loads(document).output is None
    assert document == json.loads(_loads(document).dumps())
    document["out"] = _document()["out"]
    assert _loads(document).output is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"c": "webp"}, {"c": "avif"}, {"c": "jpeg"}, {"t": "lossless"}, {"t": "recode"},
        {"t": "downscale"}, {"x": 2}, {"r": "f" * 16}, {"l": 1},
    ],
)  # fmt: skip
def test_contradictory_exact_notes_are_broken(changes: dict[str, Any]) -> None:
    """A byte-exact rendition has one codec, full size, no restorer and no level."""
    document = _exact()
    document["st"] |= changes
    with pytest.raises(BrokenManifest):
        _loads(document)


def test_lepton_holds_whole_jpeg_files_alone() -> None:
    """A rendition in Lepton is byte-exact and has no output."""
    document = _exact()
    document["st"]["c"] = "lepton"
    assert _loads(document).stored.codec == "lepton"
    assert document == json.loads(_loads(document).dumps())
    for contradiction in ({"t": "lossless"}, {"t": "recode"}, {"x": 2}, {"r": "f" * 16}):
        with pytest.raises(BrokenManifest):
            _loads(document | {"st": document["st"] | contradiction})
    with pytest.raises(BrokenManifest, match="output"):
        _loads(document | {"out": _document()["out"]})


def test_the_level_is_nothing_unless_it_is_told() -> None:
    """A note without a level is of level 0, and 0 costs no bytes."""
    document = _document()
    assert _loads(document).stored.level == 255
    del document["st"]["l"]
    assert _loads(document).stored.level == 0
    assert document == json.loads(_loads(document).dumps())


@pytest.mark.parametrize(
    ("format_", "progressive", "fits"),
    [("JPEG", False, True), ("JPEG", True, False), ("PNG", False, False), ("WEBP", False, False)],
)
def test_standard_tables_are_of_sequential_jpeg_files(
    format_: str, progressive: bool, fits: bool
) -> None:
    """No other files have them; manifests of earlier versions mean optimal tables."""
    fields = {"f": format_, "m": "RGB", "q": 90, "s": None, "p": progressive}
    assert Output.model_validate(fields).huffman == "optimal"
    with contextlib.nullcontext() if fits else pytest.raises(ValidationError, match="standard"):
        assert Output.model_validate(fields | {"h": "standard"}).huffman == "standard"


def test_scores_are_optional() -> None:
    """Notes without scores are valid, and scores that were not taken cost no bytes."""
    document = _document()
    expected = {"ssimulacra2": -99.99, "ssimulacra2_worst": -99.99}
    assert _loads(document).measured.scores == expected
    del document["fid"]["v"], document["fid"]["w"]
    assert _loads(document).measured.scores == {}
    assert document == json.loads(_loads(document).dumps())


@pytest.mark.parametrize("value", [-100, 100.1, float("nan"), "70", True])
def test_scores_are_bounded(value: Any) -> None:
    """A score that none can have breaks the note."""
    document = _document()
    document["fid"]["v"] = value
    with pytest.raises(BrokenManifest):
        _loads(document)
