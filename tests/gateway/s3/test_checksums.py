import base64
import hashlib

import pytest
from botocore.httpchecksum import Crc32Checksum, Sha1Checksum, Sha256Checksum
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.checksums import BodyDigests
from slimgate.gateway.s3.errors import S3Error

_CHECK = b"123456789"
_UNSIGNED = "UNSIGNED-PAYLOAD"


def _b64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


# Check values of the catalogue of parametrised CRC algorithms; the others from the FIPS programs.
_VECTORS = {
    "crc32": _b64("cbf43926"),
    "crc32c": _b64("e3069283"),
    "crc64nvme": _b64("ae8b14860a799888"),
    "sha1": _b64("f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    "sha256": _b64("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
}
_MD5 = _b64("25f9e794323b453885f5181f1b624d0b")


def _run(
    headers: dict[str, str],
    body: bytes,
    trailers: dict[str, str] | None = None,
    payload_hash: str = _UNSIGNED,
) -> BodyDigests:
    digests = BodyDigests.declared(headers, payload_hash)
    digests.update(body)
    digests.verify(trailers or {})
    return digests


def _code(
    headers: dict[str, str],
    body: bytes = _CHECK,
    trailers: dict[str, str] | None = None,
    payload_hash: str = _UNSIGNED,
) -> str:
    with pytest.raises(S3Error) as caught:
        _run(headers, body, trailers, payload_hash)
    return caught.value.code


@pytest.mark.parametrize("algorithm", _VECTORS)
def test_header_vectors(algorithm: str) -> None:
    """Each algorithm accepts its published check value and echoes it, and no other body."""
    name = f"x-amz-checksum-{algorithm}"
    value = _VECTORS[algorithm]
    expected = {name: value, "x-amz-checksum-type": "FULL_OBJECT"}
    assert _run({name.upper(): value}, _CHECK).echo() == expected
    with pytest.raises(S3Error) as caught:
        _run({name: value}, b"123456780")
    assert caught.value.code == "BadDigest"
    expected_message = (
        f"The {algorithm.upper()} you specified did not match the calculated checksum."
    )
    assert caught.value.message == expected_message


@pytest.mark.parametrize("algorithm", _VECTORS)
def test_trailer_vectors(algorithm: str) -> None:
    """A checksum that was announced as a trailer is verified and echoed like a header."""
    name = f"x-amz-checksum-{algorithm}"
    value = _VECTORS[algorithm]
    headers = {"x-amz-trailer": name, "x-amz-sdk-checksum-algorithm": algorithm.upper()}
    expected = {name: value, "x-amz-checksum-type": "FULL_OBJECT"}
    assert _run(headers, _CHECK, {name: value}).echo() == expected
    assert _code(headers, b"other", {name: value}) == "BadDigest"
    assert _code(headers, _CHECK, {name: "AAAA"}) == "InvalidRequest"
    assert _code(headers) == "MalformedTrailerError"
    assert _code(headers, _CHECK, {name: value, "x-more": "1"}) == "MalformedTrailerError"
    assert _code({}, _CHECK, {name: value}) == "MalformedTrailerError"


def test_content_md5() -> None:
    """Content-MD5 accepts its own body only, and must be the base64 of 16 bytes."""
    assert _run({"Content-MD5": _MD5}, _CHECK).echo() == {}
    assert _code({"content-md5": _MD5}, b"other") == "BadDigest"


@pytest.mark.parametrize("value", ["", "x", _MD5[:-2], _MD5 + "AAAA", _b64("00" * 15), "\xe9" * 24])
def test_malformed_md5(value: str) -> None:
    """Anything but 16 bytes in base64 is InvalidDigest."""
    assert _code({"content-md5": value}) == "InvalidDigest"


@pytest.mark.parametrize(
    "value",
    ["", "!!!!", "y/Q5Jg", "y/Q5Jh==", "y/Q5Jg== x", "y_Q5Jg==", "AAAAAAAA", "A" * 4096, "\u20ac"],
)
def test_malformed_checksum(value: str) -> None:
    """A value that is not the base64 of a digest of its length is an invalid request."""
    with pytest.raises(S3Error) as caught:
        BodyDigests.declared({"x-amz-checksum-crc32": value}, _UNSIGNED)
    assert caught.value.code == "InvalidRequest"
    assert caught.value.message == "Value for x-amz-checksum-crc32 header is invalid."


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": _VECTORS["crc32"], "x-amz-checksum-sha1": _VECTORS["sha1"]},
        {"x-amz-checksum-crc32": _VECTORS["crc32"], "x-amz-trailer": "x-amz-checksum-sha1"},
        {"x-amz-trailer": "x-amz-checksum-sha1, x-amz-checksum-crc32"},
        {"x-amz-checksum-crc32": _VECTORS["crc32"], "X-Amz-Checksum-CRC32": _VECTORS["crc32"]},
        {"x-amz-checksum-crc31": "AAAA"},
        {"x-amz-trailer": "x-amz-meta-a"},
        {"x-amz-trailer": ""},
        {"x-amz-sdk-checksum-algorithm": "CRC31"},
    ],
)
def test_contradictory_declarations(headers: dict[str, str]) -> None:
    """More than one checksum, or an unknown algorithm, is an invalid request."""
    with pytest.raises(S3Error) as caught:
        BodyDigests.declared(headers, _UNSIGNED)
    assert caught.value.code == "InvalidRequest"


def test_headers_that_are_no_digests() -> None:
    """Headers that describe checksums declare none."""
    headers = {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-algorithm": "CRC32"}
    assert _run({**headers, "x-amz-checksum-mode": "ENABLED"}, _CHECK).echo() == {}


@pytest.mark.parametrize("upper", [False, True])
def test_payload_hash(upper: bool) -> None:
    """The signed SHA-256 of the body must be that of the body."""
    payload_hash = hashlib.sha256(_CHECK).hexdigest()
    payload_hash = payload_hash.upper() if upper else payload_hash
    _run({"x-amz-checksum-sha256": _VECTORS["sha256"]}, _CHECK, payload_hash=payload_hash)
    assert _code({}, b"x", payload_hash=payload_hash) == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize("payload_hash", ["", "z" * 64, "STREAMING"])
def test_malformed_payload_hash(payload_hash: str) -> None:
    """A payload hash that is neither digest nor word is refused, not skipped."""
    assert _code({}, payload_hash=payload_hash) == "InvalidArgument"


def test_md5_only_when_asked_for() -> None:
    """The MD5 is computed if wanted or declared; asking for it otherwise is a bug."""
    wanted = BodyDigests.declared({}, _UNSIGNED, want_md5=True)
    wanted.update(_CHECK)
    assert hashlib.md5(_CHECK, usedforsecurity=False).hexdigest() == wanted.md5_hex
    with pytest.raises(RuntimeError):
        _ = BodyDigests.declared({}, _UNSIGNED).md5_hex


def test_nothing_is_echoed_unproven() -> None:
    """A declared checksum is not repeated before it was verified."""
    digests = BodyDigests.declared({"x-amz-checksum-crc32": _VECTORS["crc32"]}, _UNSIGNED)
    assert digests.echo() == {}


@given(st.lists(st.binary(max_size=50), max_size=8), st.sampled_from(["crc32", "sha1", "sha256"]))
def test_botocore_is_the_oracle(pieces: list[bytes], algorithm: str) -> None:
    """However a body is split, its checksum is the one botocore computes for the whole."""
    oracle = {"crc32": Crc32Checksum, "sha1": Sha1Checksum, "sha256": Sha256Checksum}[algorithm]()
    body = b"".join(pieces)
    value: str = oracle.handle(body)
    digests = BodyDigests.declared({f"x-amz-checksum-{algorithm}": value}, _UNSIGNED)
    for piece in pieces:
        digests.update(piece)
    digests.verify({})
    assert value == digests.echo()[f"x-amz-checksum-{algorithm}"]


@given(st.binary(min_size=1, max_size=64), st.sampled_from(["crc32c", "crc64nvme"]))
def test_splits_do_not_matter(body: bytes, algorithm: str) -> None:
    """Feeding one byte at a time gives the same digest as feeding the whole."""
    digest = {}
    for step in (1, len(body)):
        digests = BodyDigests.declared({"x-amz-trailer": f"x-amz-checksum-{algorithm}"}, _UNSIGNED)
        for at in range(0, len(body), step):
            digests.update(body[at : at + step])
        digest[step] = digests._hashers[algorithm].digest()
    assert digest[1] == digest[len(body)]
