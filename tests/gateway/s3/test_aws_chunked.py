import hashlib
import io
import itertools
import re
import time
from collections.abc import Iterable, Sequence

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.aws_chunked import MIN_CHUNK, ChunkDecoder
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import ChunkKey

_EMPTY = hashlib.sha256().hexdigest()
_KEY = ChunkKey(b"k" * 32, "20240501T120000Z", "20240501/eu-west-1/s3/aws4_request", "5" * 64)
_TRAILERS = {"x-amz-checksum-crc32": "AAAAAA=="}

_FILLER = bytes(MIN_CHUNK)


def _all_but_last_filled(chunks: list[bytes]) -> list[bytes]:
    return [chunk + _FILLER for chunk in chunks[:-1]] + chunks[-1:]


_chunks = st.lists(st.binary(min_size=1, max_size=40), max_size=4).map(_all_but_last_filled)


def _encode_unsigned(chunks: Iterable[bytes], trailers: dict[str, str]) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
    return body + b"0\r\n" + lines.encode() + b"\r\n"


def _encode_signed(
    chunks: Iterable[bytes], trailers: dict[str, str] | None = None, key: ChunkKey = _KEY
) -> bytes:
    body, previous = b"", key.seed_signature
    for chunk in (*chunks, b""):
        digest = hashlib.sha256(chunk).hexdigest()
        previous = key.sign("AWS4-HMAC-SHA256-PAYLOAD", previous, _EMPTY, digest)
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk
        body += b"\r\n" if chunk else b""
    if trailers is not None:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        digest = hashlib.sha256(lines.encode()).hexdigest()
        signature = key.sign("AWS4-HMAC-SHA256-TRAILER", previous, digest)
        body += lines.replace("\n", "\r\n").encode()
        body += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"


def _decode(decoder: ChunkDecoder, pieces: Iterable[bytes]) -> tuple[bytes, dict[str, str]]:
    decoded = b"".join(map(decoder.feed, pieces))
    return decoded, decoder.finish()


def _unsigned(length: int | None = None) -> ChunkDecoder:
    return ChunkDecoder(key=None, trailer=True, decoded_length=length)


def _signed(*, trailer: bool = False, length: int | None = None) -> ChunkDecoder:
    return ChunkDecoder(key=_KEY, trailer=trailer, decoded_length=length)


def _code(decoder: ChunkDecoder, *pieces: bytes) -> str:
    with pytest.raises(S3Error) as caught:
        _decode(decoder, pieces)
    return caught.value.code


def _split(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({cut % (len(body) + 1) for cut in cuts} | {0, len(body)})
    return [body[start:stop] for start, stop in itertools.pairwise(places)]


def _bytewise(body: bytes) -> list[bytes]:
    """Cut a body into single bytes, except for the filler."""
    return re.findall(rb"\0{4096}|.", body, re.DOTALL)


_cuts = st.lists(st.integers(0, 2000), max_size=8)


@given(_chunks, st.sampled_from([{}, _TRAILERS]), _cuts)
def test_unsigned_round_trip(
    chunks: list[bytes], trailers: dict[str, str], cuts: list[int]
) -> None:
    """Unsigned chunks come back whole, however the body is split."""
    payload = b"".join(chunks)
    body = _encode_unsigned(chunks, trailers)
    for pieces in (_split(body, cuts), _bytewise(body)):
        assert _decode(_unsigned(len(payload)), pieces) == (payload, trailers)


@given(_chunks, st.sampled_from([None, {}, _TRAILERS, {"b": "1", "a": "2"}]), _cuts)
def test_signed_round_trip(
    chunks: list[bytes], trailers: dict[str, str] | None, cuts: list[int]
) -> None:
    """Signed chunks come back whole, however the body is split."""
    payload = b"".join(chunks)
    body = _encode_signed(chunks, trailers)
    for pieces in (_split(body, cuts), _bytewise(body)):
        decoder = _signed(trailer=trailers is not None, length=len(payload))
        assert _decode(decoder, pieces) == (payload, trailers or {})


@given(_chunks, st.integers(MIN_CHUNK, 2 * MIN_CHUNK), st.booleans())
def test_botocore_wrapper(chunks: list[bytes], chunk_size: int, with_checksum: bool) -> None:
    """Bodies from botocore's encoder decode, with their checksum."""
    payload = b"".join(chunks)
    checksum = Crc32Checksum if with_checksum else None
    name = "x-amz-checksum-crc32"
    wrapper = AwsChunkedWrapper(io.BytesIO(payload), checksum, name, chunk_size)
    expected = {name: Crc32Checksum().handle(payload)} if with_checksum else {}
    body = wrapper.read()
    assert _decode(_unsigned(len(payload)), _bytewise(body)) == (payload, expected)


@given(st.data(), _chunks, st.sampled_from([None, _TRAILERS]))
def test_signed_corruption_is_refused(
    data: st.DataObject, chunks: list[bytes], trailers: dict[str, str] | None
) -> None:
    """Any octet changed before the final empty line is refused, and the payload never differs."""
    body = _encode_signed(chunks, trailers)
    at = data.draw(st.integers(0, len(body) - 5))
    other = data.draw(st.integers(0, 255).filter(lambda octet: octet != body[at]))
    corrupt = body[:at] + bytes([other]) + body[at + 1 :]
    try:
        decoded, found = _decode(_signed(trailer=trailers is not None), [corrupt])
    except S3Error:
        return
    # Only spellings may change: the case of a digit of a size, or of a trailer's name.
    assert (b"".join(chunks), trailers or {}) == (decoded, found)
    assert body[at : at + 1].swapcase() == corrupt[at : at + 1] or body[at : at + 1] == b"\r"


@given(st.data(), _chunks.filter(bool), st.sampled_from([None, _TRAILERS]))
def test_truncation_is_refused(
    data: st.DataObject, chunks: list[bytes], trailers: dict[str, str] | None
) -> None:
    """A signed body that ends before its last line does is incomplete."""
    body = _encode_signed(chunks, trailers)
    stop = data.draw(st.integers(0, len(body) - 3))
    assert _code(_signed(trailer=trailers is not None), body[:stop]) == "IncompleteBody"


@pytest.mark.parametrize(
    "tail",
    [
        b"a:1\r\n\r\n",
        b"a:1\r\n",
        b"a:1\n\r\n\r\n",
        b"A: 1 \r\n\r\n",
    ],
)
def test_endings_of_unsigned_trailers(tail: bytes) -> None:
    """The endings of all known SDKs are accepted: no empty line, one, or two after a bare LF."""
    assert _decode(_unsigned(1), _bytewise(b"1\r\nx\r\n0\r\n" + tail)) == (b"x", {"a": "1"})


@pytest.mark.parametrize("between", [b"\r\n", b"\n\r\n"])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_endings_of_signed_trailers(between: bytes, end: bytes) -> None:
    """A signed trailer may end with a bare LF and an empty line before its signature."""
    body = _encode_signed([b"x"], {"a": "1"}).removesuffix(b"\r\n") + end
    body = body.replace(b"a:1\r\n", b"a:1" + between)
    assert _decode(_signed(trailer=True), _bytewise(body)) == (b"x", {"a": "1"})


@pytest.mark.parametrize("tail", [b"", b"\r\n", b"\r\n\r\n"])
def test_endings_without_trailers(tail: bytes) -> None:
    """A body without trailers may end with or without empty lines."""
    body = _encode_signed([b"x"]).removesuffix(b"\r\n") + tail
    assert _decode(_signed(), [body]) == (b"x", {})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "IncompleteBody"),
        (b"1", "IncompleteBody"),
        (b"1\r\n", "IncompleteBody"),
        (b"1\r\nx", "IncompleteBody"),
        (b"1\r\nx\r\n", "IncompleteBody"),
        (b"1\r\nx\r\n0", "IncompleteBody"),
        (b"1\r\nx\r\n0\r\na:1", "IncompleteBody"),
        (b"0\r\n\r", "IncompleteBody"),
        (b"1\nx\r\n0\r\n", "IncompleteBody"),
        (b"\r\n", "IncompleteBody"),
        (b"g\r\n", "IncompleteBody"),
        (b"-1\r\n", "IncompleteBody"),
        (b"0x1\r\nx\r\n", "IncompleteBody"),
        (b" 1\r\nx\r\n", "IncompleteBody"),
        (b"1_0\r\n", "IncompleteBody"),
        (b"1;chunk-signature=" + b"0" * 64 + b"\r\nx\r\n", "IncompleteBody"),
        (b"1;a=b\r\nx\r\n", "IncompleteBody"),
        (b"1\r\nxy\r\n0\r\n\r\n", "IncompleteBody"),
        (b"1\r\nx\n", "IncompleteBody"),
        (b"9\r\n123456789\r\n", "IncompleteBody"),
        (b"1" * 300, "InvalidRequest"),
        (b"0\r\n\r\n\r\n\r\n", "InvalidRequest"),
        (b"0\r\n\r\na:1\r\n", "InvalidRequest"),
        (b"0\r\na\r\n", "MalformedTrailerError"),
        (b"0\r\n:1\r\n", "MalformedTrailerError"),
        (b"0\r\na b:1\r\n", "MalformedTrailerError"),
        (b"0\r\na:\x001\r\n", "MalformedTrailerError"),
        (b"0\r\na:\xff\r\n", "MalformedTrailerError"),
        (b"0\r\na:1\r\nA:2\r\n", "MalformedTrailerError"),
        (b"0\r\n" + b"".join(b"a%d:1\r\n" % n for n in range(17)), "MalformedTrailerError"),
        (b"0\r\na:" + b"1" * 9000, "InvalidRequest"),
        (b"0\r\na:" + b"1" * 5000 + b"\r\nb:" + b"1" * 5000 + b"\r\n", "InvalidRequest"),
    ],
)
def test_malformed_unsigned_bodies(body: bytes, code: str) -> None:
    """Every defect of the framing is refused, in one piece and byte by byte."""
    for pieces in ([body], _bytewise(body)):
        assert _code(_unsigned(8), *pieces) == code


def test_decoded_length() -> None:
    """More or less payload than announced is refused; more at once, by the header alone."""
    assert _code(_unsigned(2), b"1\r\nx\r\n0\r\n\r\n") == "IncompleteBody"
    with pytest.raises(S3Error) as caught:
        _unsigned(2).feed(b"3\r\n")
    assert caught.value.code == "IncompleteBody"


@pytest.mark.parametrize(
    ("decoder", "header", "code"),
    [
        (_unsigned(), b"140000001\r\n", "EntityTooLarge"),
        (_unsigned(), b"f" * 16 + b"\r\n", "EntityTooLarge"),
        (_signed(), b"1000001;chunk-signature=" + b"0" * 64 + b"\r\n", "InvalidRequest"),
    ],
)
def test_size_limits(decoder: ChunkDecoder, header: bytes, code: str) -> None:
    """A chunk beyond the limits is refused before its data is read."""
    assert _code(decoder, header) == code


def test_largest_sizes() -> None:
    """Chunks up to the limits are accepted."""
    assert _unsigned().feed(b"140000000\r\nx") == b"x"
    assert _signed().feed(b"1000000;chunk-signature=" + b"0" * 64 + b"\r\nx") == b"x"


@pytest.mark.parametrize("trailer", [False, True])
def test_missing_signatures(trailer: bool) -> None:
    """Unsigned chunks are refused where signatures were promised."""
    body = _encode_unsigned([b"x"], {})
    assert _code(_signed(trailer=trailer), body) == "IncompleteBody"


def test_unsigned_trailers_of_signed_bodies() -> None:
    """Trailers without their signature, or after it, are refused."""
    body = _encode_signed([b"x"], {"a": "1"})
    cut = body.index(b"x-amz-trailer-signature")
    assert _code(_signed(trailer=True), body[:cut]) == "IncompleteBody"
    assert _code(_signed(trailer=True), body[:-2] + b"b:1\r\n\r\n") == "InvalidRequest"
    assert _code(_signed(trailer=False), body) == "InvalidRequest"


def test_exchanged_chunks() -> None:
    """Two signed chunks of equal length cannot be exchanged."""
    first, second = b"1" * MIN_CHUNK, b"2" * MIN_CHUNK
    body = _encode_signed([first, second])
    swapped = body.replace(first, b"#").replace(second, first).replace(b"#", second)
    assert _code(_signed(), swapped) == "SignatureDoesNotMatch"


def test_pieces_come_at_once() -> None:
    """Payload is returned as it arrives, before the chunk is complete."""
    decoder = _signed()
    assert decoder.feed(b"3;chunk-signature=" + b"0" * 64 + b"\r\na") == b"a"
    assert decoder.feed(b"b") == b"b"
    with pytest.raises(S3Error):
        decoder.feed(b"c")


def test_errors_last() -> None:
    """A decoder that has raised never returns payload again."""
    decoder = _unsigned()
    for call in (lambda: decoder.feed(b"z\r\n"), lambda: decoder.feed(b"0\r\n"), decoder.finish):
        with pytest.raises(S3Error) as caught:
            call()
        assert caught.value.code == "IncompleteBody"


# S3 API reference, "Transferring Payload in Multiple Chunks" and "Including Trailing Headers".
_EXAMPLE_SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def _example_key(seed: str) -> ChunkKey:
    key = b"AWS4" + _EXAMPLE_SECRET
    for step in (b"20130524", b"us-east-1", b"s3", b"aws4_request"):
        key = _hmac_by_definition(key, step)
    return ChunkKey(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", seed)


def _hmac_by_definition(key: bytes, text: bytes) -> bytes:
    # Written out, so that the example does not lean on the code under test.
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block) + text).digest()
    return hashlib.sha256(bytes(octet ^ 0x5C for octet in block) + inner).digest()


def _example(signatures: Sequence[str], tail: str) -> bytes:
    sizes = (65536, 1024, 0)
    headers = [f"{n:x};chunk-signature={s}\r\n" for n, s in zip(sizes, signatures, strict=True)]
    data = [b"a" * 65536 + b"\r\n", b"a" * 1024 + b"\r\n", tail.encode()]
    return b"".join(head.encode() + body for head, body in zip(headers, data, strict=True))


@pytest.mark.parametrize(
    ("seed", "signatures", "tail", "trailers"),
    [
        (
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            (
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ),
            "\r\n",
            {},
        ),
        (
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
            (
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ),
            (
                "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
                "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
            ),
            {"x-amz-checksum-crc32c": "sOO8/Q=="},
        ),
    ],
)
def test_published_examples(
    seed: str, signatures: Sequence[str], tail: str, trailers: dict[str, str]
) -> None:
    """The examples of the S3 API reference decode."""
    decoder = ChunkDecoder(key=_example_key(seed), trailer=bool(trailers), decoded_length=66560)
    assert _decode(decoder, [_example(signatures, tail)]) == (b"a" * 66560, trailers)


@pytest.mark.parametrize("size", [MIN_CHUNK, 500_000])
def test_linear_time_byte_by_byte(size: int) -> None:
    """Half a megabyte fed one byte at a time takes well under the time of a quadratic reader."""
    body = _encode_unsigned([b"x" * size] * (500_000 // size), {})
    start = time.process_time()
    _decode(_unsigned(), _bytewise(body))
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize("sizes", [(1, 1), (8191, 1), (8192, 8191, 8192), (1, 1 << 20)])
def test_small_chunks_are_refused(sizes: tuple[int, ...]) -> None:
    """A chunk below 8 KiB that is not the last is refused, signed or not, as S3 refuses it."""
    chunks = [b"x" * size for size in sizes]
    for decoder, body in (
        (_unsigned(), _encode_unsigned(chunks, {})),
        (_signed(), _encode_signed(chunks)),
        (_signed(trailer=True), _encode_signed(chunks, _TRAILERS)),
    ):
        assert _code(decoder, body) == "InvalidChunkSizeError"


@pytest.mark.parametrize("sizes", [(), (1,), (8192,), (8192, 1), (8192, 8192, 8191), (1 << 20, 1)])
def test_the_last_chunk_may_be_small(sizes: tuple[int, ...]) -> None:
    """Chunks from 8 KiB on, and a last one of any size, decode."""
    chunks = [b"x" * size for size in sizes]
    payload = b"".join(chunks)
    assert _decode(_unsigned(), [_encode_unsigned(chunks, {})]) == (payload, {})
    assert _decode(_signed(), [_encode_signed(chunks)]) == (payload, {})


def test_many_chunks_come_back_as_one_piece() -> None:
    """Chunks that arrive together come back as one piece."""
    chunks = [bytes([number]) * MIN_CHUNK for number in range(32)]
    assert _unsigned().feed(_encode_unsigned(chunks, {})) == b"".join(chunks)
