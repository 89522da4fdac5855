import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import encode_multipart_formdata

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import MAX_FIELD_BYTES, FormParser, boundary_of

_FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png'
_KEY = b'Content-Disposition: form-data; name="key"'


def _form(*parts: tuple[bytes, bytes], end: bytes = b"--\r\n") -> bytes:
    written = (b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return b"".join(written) + b"--b" + end


def _follow(form: bytes, size: int = 1 << 20) -> bool:
    """Parse a form in pieces, and return whether its file was found."""
    outline = FormParser(b"b")
    for at in range(0, len(form), size):
        outline.feed(form[at : at + size])
    outline.finish()
    return outline.in_file


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=b", b"b"),
        ("Multipart/Form-Data;boundary=----WebKitFormBoundary0aB", b"----WebKitFormBoundary0aB"),
        ('multipart/form-data; boundary="a b"', None),
        ('multipart/form-data; boundary="=_a:b?"', b"=_a:b?"),
        ("multipart/form-data; charset=utf-8; boundary=b", b"b"),
        ("multipart/form-data; boundary=b; charset=utf-8", b"b"),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a,multipart/form-data; boundary=b", None),
        ("multipart/form-data; boundary*=utf-8''b", None),
        ('multipart/form-data; boundary="a\\b"', None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=" + "b" * 71, None),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=ü", None),
    ],
)
def test_boundaries_are_read_or_refused(content_type: str, boundary: bytes | None) -> None:
    """Only a boundary that every parser reads alike is accepted."""
    if boundary is not None:
        assert boundary_of(content_type) == boundary
        return
    with pytest.raises(S3Error) as raised:
        boundary_of(content_type)
    assert raised.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize(
    ("form", "in_file"),
    [
        (_form((_KEY, b"k"), (_FILE, b"\x89PNG\r\n\r\n--\r\n-- b")), True),
        (_form((_KEY, b""), (_FILE, b"")), True),
        (_form((_FILE, b"x"), (b'content-disposition:form-data;name="submit"', b"Go")), True),
        (_form((_KEY.replace(b"key", b"FILE"), b"x")), True),
        (_form((_KEY, b"k")), False),
        (_form((_KEY, b"k"), end=b"--"), False),
        (_form((_KEY, b"k"), end=b"--\r\nmore of the same"), False),
        (_form((_KEY, b"k"), (_FILE, b"--bx\r\n--")), True),
        (_form((_KEY, b"a--b--b\r\n-- b\r--")), False),
        (_form((_FILE.replace(b"a.png", b'a \\"b\\" c:\\\\d.png'), b"x")), True),
        (_form((b"Content-Disposition: form-data; name=key", b"k")), False),
        (b"--b--", False),
    ],
)
def test_forms_are_followed_in_any_pieces(form: bytes, in_file: bool, size: int) -> None:
    """Forms of browsers and libraries are accepted, however they are cut."""
    assert _follow(form, size) == in_file


_SPELLINGS = [
    b'form-data; name="x-amz-meta-slimgate"',
    b'form-data; name="X-Amz-Meta-SlimGate-2"',
    b"form-data; name=x-amz-meta-slimgate",
    b'form-data; name="x_amz_meta_slimgate"',
    b'form-data; name=" x-amz-meta-slimgate"',
    b'form-data; name="x-amz-meta-slim\\gate"',
    b'form-data; name="x-amz-meta-slim%67ate"',
    b"form-data; name*=utf-8''x-amz-meta-slim%67ate",
    b'form-data; name="a"; name="x-amz-meta-slimgate"',
    b'form-data; name="a"; filename="\\"; name=\\"x-amz-meta-slimgate"',
    b'form-data; name="x-amz-meta-\tslimgate"',
    b'form-data; name="x-goog-meta-slimgate"',
]


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize("spelling", _SPELLINGS)
@pytest.mark.parametrize("behind", [False, True], ids=["before the file", "behind the file"])
def test_a_manifest_is_found_wherever_it_stands(spelling: bytes, behind: bool, size: int) -> None:
    """No field may be named like the gateway's metadata, even after the file."""
    parts = [(b"Content-Disposition: " + spelling, b"{}"), (_FILE, b"x")]
    with pytest.raises(S3Error) as raised:
        _follow(_form((_KEY, b"k"), *(reversed(parts) if behind else parts)), size)
    assert raised.value.code == "InvalidRequest"


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"--",
        b"preamble\r\n" + _form((_KEY, b"k")),
        b"\r\n" + _form((_KEY, b"k")),
        _form((_KEY, b"k")).replace(b"\r\n", b"\n"),
        _form((_KEY, b"k\n--b\nContent-Disposition: form-data")),
        _form((_KEY, b"k\r--b\r\n\r\n")),
        _form((_KEY, b"k\r\n--bc")),
        _form((_KEY, b"k\r\n--b \r\n")),
        _form((_KEY, b"--b\r\n")),
        _form((_KEY, b"--b \r\n")),
        _form((_KEY, b"--b--")),
        _form((_KEY, b"k"), end=b"--\r\n--b\r\n" + _KEY + b"\r\n\r\nv\r\n--b--"),
        _form((_KEY, b"k"), end=b""),
        _form((_KEY, b"k"), end=b"\r\n" + _KEY),
        _form((b"Content-Type: text/plain", b"k")),
        _form((b"Content-Disposition: attachment; name=key", b"k")),
        _form((b"Content-Disposition: form-data", b"k")),
        _form((b"Content-Disposition: form-data; filename=a", b"k")),
        _form((_KEY + b"\r\n" + _KEY, b"k")),
        _form((_KEY + b'; name="b"', b"k")),
        _form((_KEY + b'; filename="; name=b"', b"k")),
        _form((b"Content-Disposition: form-data; name*0=a; name*1=b", b"k")),
        _form((b'Content-Disposition: form-data; name="=?utf-8?B?a2V5?="', b"k")),
        _form((b"Content-Disposition: form-data;\r\n name=key", b"k")),
        _form((_KEY + b"\nA: b", b"k")),
        _form((_KEY + b"\r\nContent_Type: b", b"k")),
        _form((_KEY + b"\r\nno header", b"k")),
        _form((_KEY + b"\x00", b"k")),
        _form(*[(_KEY, b"k")] * 257),
    ],
)
def test_what_parsers_disagree_about_is_refused(form: bytes, size: int) -> None:
    """A form that the store could read differently never reaches it whole."""
    with pytest.raises(S3Error) as raised:
        _follow(form, size)
    assert raised.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize(
    "parts",
    [
        [(_KEY, b"k" * (MAX_FIELD_BYTES + 1)), (_FILE, b"x")],
        [(_KEY, b"k" * 3000)] * 30,
        [(_FILE, b"x"), (_KEY, b"k" * (MAX_FIELD_BYTES + 1))],
        [(_KEY + b"\r\nA: " + b"b" * 9000, b"k")],
    ],
)
def test_fields_are_bounded(parts: list[tuple[bytes, bytes]]) -> None:
    """Everything except the file is bounded, before and after it."""
    with pytest.raises(S3Error) as raised:
        _follow(_form(*parts), 1 << 12)
    assert raised.value.code == "MaxPostPreDataLengthExceededError"


@given(
    st.dictionaries(st.text(st.characters(codec="ascii", categories=["L", "N"])), st.binary()),
    st.binary(max_size=1000),
    st.integers(1, 300),
)
def test_forms_of_a_library_are_followed(fields: dict[str, bytes], file: bytes, size: int) -> None:
    """Forms written by urllib3 are accepted."""
    named: list[tuple[str, Any]] = [*fields.items(), ("file", ("a.png", file, "image/png"))]
    form, content_type = encode_multipart_formdata(named)
    outline = FormParser(boundary_of(content_type))
    for at in range(0, len(form), size):
        outline.feed(form[at : at + size])
    outline.finish()
    assert outline.in_file


@pytest.mark.parametrize("content", [b"x--b", b"\r\n--", b"\n", b"\r\n--\r\n-b"])
def test_files_may_look_like_delimiters(content: bytes) -> None:
    """A file full of partial delimiters is accepted."""
    assert _follow(_form((_FILE, content * 300_000)), 1 << 18)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_fields_and_file_are_read(size: int) -> None:
    """Fields before the file and its content are read alike, whatever the pieces."""
    key, file = "a/\u00fc-${filename}".encode(), b"x\r\n--\r\n" * 100
    form = _form((_KEY, key), (_KEY.replace(b"key", b"ACL"), b""), (_FILE, file), (_KEY, b"later"))
    content = bytearray()
    parser = FormParser(b"b", content.extend)
    for at in range(0, len(form), size):
        parser.feed(form[at : at + size])
    parser.finish()
    assert parser.fields == [(b"key", key), (b"acl", b"")]
    assert (bytes(content), parser.files, parser.filename) == (file, 1, b"a.png")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b'filename="a b.png"', b"a b.png"),
        (b'filename="C:\\\\dir\\\\a;b.png"', b"C:\\\\dir\\\\a;b.png"),
        (b"filename=a.png", b"a.png"),
        (b'filename=""', b""),
        (b"filename*=utf-8''a.png", b""),
        (b'filename="a"; filename="b"', b""),
        (b"filename=\"a\"; filename*=utf-8''b", b""),
        (b'filename="a"; filename*=a', b""),
        (b"filename=\"a\"; filename*=iso-8859-1''a", b""),
        (b"filename*=UTF-8'en'a%20%c3%bc.png; filename=\"a \xc3\xbc.png\"", b"a \xc3\xbc.png"),
    ],
)
def test_names_of_files_are_read(written: bytes, name: bytes) -> None:
    """A file's name is read where all parsers read the same one."""
    parser = FormParser(b"b")
    parser.feed(_form((b'Content-Disposition: form-data; name="file"; ' + written, b"x")))
    assert parser.filename == name


def _fields(count: int) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Disposition: form-data; name=f", b"v")] * count


@pytest.mark.parametrize(
    "form",
    [
        _form(*_fields(200), (_FILE, bytes(1 << 25))),
        _form(*[(_KEY + b'; filename="; name' + b" " * 8000 + b'"', b"k")] * 7),
        _form((_KEY + b"\r\nA:" + b" " * 8000 + b"\x00", b"k")),
    ],
    ids=["a large piece behind many fields", "a parameter of spaces", "a header of spaces"],
)
def test_the_time_of_parsing_grows_with_the_size(form: bytes) -> None:
    """No form is expensive to parse: not the same bytes again for every part or position."""
    begun = time.process_time()
    parser = FormParser(b"b")
    with contextlib.suppress(S3Error):
        parser.feed(form)
    assert time.process_time() - begun < 0.1 + len(form) / 1e7
