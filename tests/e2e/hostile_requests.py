"""Hostile requests, each designed to cost a server as much as possible.

None is larger than what the gateway may be sent, and all are deterministic.
"""

import base64
import hashlib
import random
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from awscrt import checksums as crt

from tests.e2e import images, wire
from tests.e2e.framing import Frames
from tests.gateway.s3.test_aws_chunked import _encode_unsigned
from tests.servers.server import S3Server

MANAGED: Final = "/photos-held/managed.png"
PLAIN: Final = "/plain-held"
PHOTOS: Final = "/photos-held"

_TIMEOUT_S: Final = 120.0
_UNSIGNED: Final = {"x-amz-content-sha256": Frames.UNSIGNED_TRAILER.value}
_LARGE: Final = 8 << 20

Attack = Callable[[S3Server], None]


def raw(server: S3Server, data: bytes | Iterable[bytes]) -> bytes:
    """Send bytes on a connection of their own and return what comes back until it is closed."""
    host, _, port = server.host.rpartition(":")
    answer = bytearray()
    with socket.create_connection((host, int(port)), _TIMEOUT_S) as connection:
        try:
            for piece in [data] if isinstance(data, bytes) else data:
                connection.sendall(piece)
            while piece := connection.recv(1 << 16):
                answer += piece
        except ConnectionError:
            pass  # refused before all was sent
    return bytes(answer)


def head(server: S3Server, method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Write the head of a request on a connection that is closed after it."""
    lines = {"Host": server.host, **headers, "Connection": "close"}.items()
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode("utf-8", "surrogateescape")


def anonymous(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Attack:
    """Send a request without a signature, whole."""
    length = {"Content-Length": str(len(body))} if body or method in {"PUT", "POST"} else {}
    return lambda server: _ignore(
        raw(server, head(server, method, path, {**headers, **length}) + body)
    )


def signed(
    method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Attack:
    """Send a request that the owner has signed."""
    return lambda server: _ignore(wire.ask(server, method, path, headers, body))


def _ignore(answer: object) -> None:
    assert answer


def _bytes(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def _tiny_chunks(count: int, size: int = 1) -> bytes:
    return _encode_unsigned([b"a" * size] * count, {})


def framed(path: str, body: bytes, frames: Frames, chunk: int) -> Attack:
    """Upload in chunks of one size."""

    def attack(server: S3Server) -> None:
        headers, data = frames.upload(server, path, body, chunk=chunk)
        _ignore(wire.send(server, "PUT", path, headers, data))

    return attack


def in_http_chunks(
    method: str,
    path: str,
    count: int,
    size: int,
    body: bytes = b"",
    fields: Mapping[str, str] | None = None,
) -> Attack:
    """Send a body of unknown length, in as many chunks of HTTP as possible."""
    body = body or b"a" * (count * size)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    sent = {"Transfer-Encoding": "chunked", "x-amz-decoded-content-length": str(len(body))}
    sent.update(fields or {})
    return lambda server: _ignore(
        raw(server, head(server, method, path, sent) + chunks + b"0\r\n\r\n")
    )


def pipelined(path: str, count: int) -> Attack:
    """Send many requests at once, without waiting for an answer."""

    def attack(server: S3Server) -> None:
        one = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
        _ignore(raw(server, [one * count, head(server, "GET", path, {})]))

    return attack


def _chunks() -> dict[str, Attack]:
    jpeg = images.jpeg()
    candidate = jpeg + bytes(_LARGE - len(jpeg))
    tiny = {**_UNSIGNED, "x-amz-decoded-content-length": str(1 << 20)}
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    attacks = {
        f"1 MiB in 1-byte chunks, {method} {path}": anonymous(
            method, path, {**tiny, **headers}, _tiny_chunks(1 << 20)
        )
        for method, path, headers in [
            ("POST", f"{PLAIN}?delete", {}),
            ("POST", PLAIN, form),
            ("PUT", f"{PLAIN}/k", {}),
            ("PUT", f"{PHOTOS}/k", {}),
        ]
    }
    for frames in Frames:
        attacks[f"8 MiB in chunks of 8 KiB, {frames.name}"] = framed(
            f"{PHOTOS}/k.jpg", candidate, frames, 8192
        )
        attacks[f"8 MiB in one chunk, {frames.name}"] = framed(
            f"{PLAIN}/k", candidate, frames, _LARGE
        )
    for method, path in [("PUT", f"{PLAIN}/k"), ("PUT", f"{PHOTOS}/k"), ("POST", f"{PLAIN}?delete"),
                         ("GET", f"{PLAIN}/k"), ("POST", PLAIN)]:  # fmt: skip
        attacks[f"128 KiB in 1-byte chunks of HTTP, {method} {path}"] = in_http_chunks(
            method, path, 128 << 10, 1
        )
    attacks["1 MiB in 1-byte chunks of HTTP"] = in_http_chunks("PUT", f"{PLAIN}/k", 1 << 20, 1)
    attacks["1 MiB in 1-byte chunks of HTTP, to be read"] = in_http_chunks(
        "PUT", f"{PLAIN}/k", 1 << 20, 1, fields=_UNSIGNED
    )
    attacks["4 MiB in 64-byte chunks of HTTP"] = in_http_chunks(
        "PUT", f"{PLAIN}/k", _LARGE // 128, 64
    )
    attacks["trailers"] = anonymous(
        "PUT", f"{PLAIN}/k", tiny, b"0\r\n" + b"".join(b"a%d:1\r\n" % n for n in range(8000))
    )
    return attacks


def _heads() -> dict[str, Attack]:
    many = {f"x-amz-meta-{number:03}": "a  b" * 20 for number in range(120)}
    folded = {f"x-amz-meta-{number}": " a  " * 3900 for number in range(4)}
    nonsense = {
        "credential": "Credential=" * 1400,
        "signed headers": "Credential=a/20240101/us-east-1/s3/aws4_request, SignedHeaders="
        + "a;" * 7500 + ", Signature=0",
        "commas": "," * 15000,
        "equals": "=" * 15000,
        "v2": "AWS " + ":" * 15000,
    }  # fmt: skip
    attacks = {
        "120 headers": anonymous("GET", f"{PLAIN}/k", many),
        "120 signed headers": signed("GET", f"{PLAIN}/k", many),
        "headers of blanks": signed("GET", f"{PLAIN}/k", folded),
        "long host": anonymous("GET", "/", {"Host": "a." * 7000 + "localhost"}),
        "long path": anonymous("GET", "/" + "%2F" * 5000, {}),
        "path of slashes": anonymous("GET", "/" * 15000, {}),
        "path of dots": signed("GET", f"{PLAIN}/" + "../" * 4000),
        "2,000 requests at once": pipelined("/%", 2000),
        "200 requests for an object at once": pipelined(f"{PLAIN}/k", 200),
        "head without an end": lambda server: _ignore(
            raw(server, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000)
        ),
    }
    for name, value in nonsense.items():
        attacks[f"authorization: {name}"] = anonymous(
            "GET", f"{PLAIN}/k", {"Authorization": f"AWS4-HMAC-SHA256 {value}"[:16000]}
        )
    return attacks


def _queries() -> dict[str, Attack]:
    queries = {
        "names": "&".join(["a"] * 7900),
        "escapes": "&".join(["%41=%42"] * 1900),
        "values": "a=" + "%7E" * 5200,
        "equals": "=" * 15000,
        "ampersands": "&" * 15000,
        "pluses": "a=" + "+" * 15000,
        "presigned": "&".join(f"X-Amz-{name}=1" for name in ["Signature", "Date", "Expires"] * 300),
        "presigned headers": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20240101%2Fus-"
        "east-1%2Fs3%2Faws4_request&X-Amz-Date=20240101T000000Z&X-Amz-Expires=1&X-Amz-Signature=0"
        "&X-Amz-SignedHeaders=" + "a%3B" * 3500,
        "presigned v2": "AWSAccessKeyId=main&Expires=9999999999&Signature=" + "a" * 15000,
        "prefix": "list-type=2&prefix=" + "%61" * 5000,
    }  # fmt: skip
    return {
        f"{kind} query of {name}": send("GET", f"{path}?{query}"[:16000], {})
        for name, query in queries.items()
        for kind, send in (("anonymous", anonymous), ("signed", signed))
        for path in (PLAIN, f"{PLAIN}/k")
        if not (kind == "signed" and "presigned" in name)
    }


def _deletes() -> dict[str, bytes]:
    bodies = {
        "empty elements": b"<Delete>" + b"<a/>" * 520_000 + b"</Delete>",
        "nesting": b"<a>" * 690_000,
        "objects": b"<Delete>" + b"<Object><Key>k</Key></Object>" * 70_000 + b"</Delete>",
        "1,000 objects": b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1000 + b"</Delete>",
        "attributes": b"<Delete " + b" ".join(b'a%d=""' % n for n in range(180_000)) + b"/>",
        "escapes": b"<Delete>" + b"&lt;" * 520_000 + b"</Delete>",
        "namespaces": b"<Delete>" + b"".join(b'<a xmlns="%d"/>' % n for n in range(90_000)),
        "entities": b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b"<Delete>&b;</Delete>",
        "one long name": b"<" + b"a" * (2 << 20),
        "one long comment": b"<!--" + b"-" * (2 << 20),
    }
    return {name: body[: 2 << 20] for name, body in bodies.items()}


def _xml() -> dict[str, Attack]:
    attacks: dict[str, Attack] = {}
    for name, body in _deletes().items():
        attacks[f"anonymous DeleteObjects of {name}"] = anonymous(
            "POST", f"{PLAIN}?delete", {}, body
        )
        attacks[f"signed DeleteObjects of {name}"] = signed("POST", f"{PLAIN}?delete", {}, body)
    parts = b"".join(
        b"<Part><PartNumber>%d</PartNumber><ETag>%032x</ETag></Part>" % (n, n)
        for n in range(1, 10_001)
    )
    complete = b"<CompleteMultipartUpload>" + parts + b"</CompleteMultipartUpload>"
    for path in (f"{PLAIN}/k", f"{PHOTOS}/k"):
        attacks[f"10,000 parts, {path}"] = signed("POST", f"{path}?uploadId=none", {}, complete)
    return attacks


def _forms() -> dict[str, Attack]:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    bodies = {
        "fields": part * 20_000,
        "empty parts": b"--x\r\n\r\n\r\n" * 100_000,
        "dashes": b"-" * (1 << 20),
        "line ends": b"\r\n" * (1 << 19),
        "part of headers": b"--x\r\n" + b"a: b\r\n" * 170_000,
        "metadata names": b"x-amz-meta-slimgat" * 50_000,
    }
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    long = {"Content-Type": "multipart/form-data; boundary=" + "x" * 15_000}
    odd = {"Content-Type": "multipart/form-data;" + ' a="\\";' * 2000}
    return {
        **{f"form of {name}": anonymous("POST", PLAIN, form, body)
           for name, body in bodies.items()},
        **{f"form of {name} to a key": anonymous("POST", f"{PLAIN}/k", form, body)
           for name, body in bodies.items()},
        "form with a long boundary": anonymous("POST", PLAIN, long, part * 100),
        "form with an odd type": anonymous("POST", PLAIN, odd, part * 100),
    }  # fmt: skip


def _reads() -> dict[str, Attack]:
    lists = {
        "Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(1600)),
        "If-Match": ",".join(f'"{n:032x}"' for n in range(440)),
        "If-None-Match": ",".join(f'"{n:x}"' for n in range(2000)),
        "If-Range": '"' * 15_000,
        "If-Modified-Since": "Mon, " * 3000,
        "If-Unmodified-Since": "1" * 15_000,
        "Accept-Encoding": "gzip;q=0.1," * 1400,
        "x-amz-copy-source-range": "bytes=" + "1" * 15_000,
    }
    tags = {
        "quotes": '"' * 15_000,
        "weak marks": "W/" * 7500,
        "bare": "a," * 7500,
        "blanks": " " * 7000 + "a" + " " * 7000,
        "open": '"a' * 7500 + ",",
    }
    attacks = {
        f"{name} of {path}": signed("GET", path, {name: value})
        for name, value in lists.items()
        for path in (MANAGED, f"{PLAIN}/small")
    }
    for name, value in tags.items():
        for header in ("If-Match", "If-None-Match"):
            attacks[f"{header} of {name}"] = signed("GET", MANAGED, {header: value})
            attacks[f"{header} of {name} on a write"] = signed(
                "PUT", MANAGED, {header: value}, b"x"
            )
    attacks["GET from the cache"] = signed("GET", MANAGED)
    attacks["range from the cache"] = signed("GET", MANAGED, {"Range": "bytes=1-"})
    attacks["attributes"] = signed(
        "GET", f"{MANAGED}?attributes", {"x-amz-object-attributes": "ETag," * 3000}
    )
    return attacks


def _copies() -> dict[str, Attack]:
    sources = {
        "escapes": "%2F" * 5000,
        "slashes": "/" * 15_000,
        "versions": "/a/b" + "?versionId=" * 1300,
        "managed": MANAGED,
        "no UTF-8": "/a/" + "%ff" * 4000,
    }
    attacks = {
        f"copy from {name}": signed("PUT", f"{PLAIN}/copy", {"x-amz-copy-source": source})
        for name, source in sources.items()
    }
    attacks["part copied from a managed object"] = signed(
        "PUT", f"{PLAIN}/copy?partNumber=1&uploadId=none", {"x-amz-copy-source": MANAGED}
    )
    replaced = {"x-amz-metadata-directive": "REPLACE", "Content-Type": "a/" + "b" * 15_000}
    attacks["copy with a long type"] = signed(
        "PUT", f"{PHOTOS}/copy", {"x-amz-copy-source": MANAGED, **replaced}
    )
    return attacks


def _uploads() -> dict[str, Attack]:
    large, jpeg = _bytes(_LARGE), images.jpeg()
    checksums = {
        "Content-MD5": hashlib.md5(large, usedforsecurity=False).digest(),
        "x-amz-checksum-sha1": hashlib.sha1(large, usedforsecurity=False).digest(),
        "x-amz-checksum-sha256": hashlib.sha256(large).digest(),
        "x-amz-checksum-crc32": crt.crc32(large).to_bytes(4, "big"),
        "x-amz-checksum-crc32c": crt.crc32c(large).to_bytes(4, "big"),
        "x-amz-checksum-crc64nvme": crt.crc64nvme(large).to_bytes(8, "big"),
    }
    attacks = {
        f"8 MiB with {name}": signed(
            "PUT", f"{PLAIN}/k", {name: base64.b64encode(value).decode()}, large
        )
        for name, value in checksums.items()
    }
    broken = {
        "noise behind a beginning": jpeg[:600] + large,
        "zeros behind an image": jpeg + bytes(_LARGE),
        "64 MiB less a little": jpeg + bytes((64 << 20) - len(jpeg) - 1),
        "markers": b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_000 + b"\xff\xd9",
        "PNG of nothing": b"\x89PNG\r\n\x1a\n" + bytes(1 << 20),
        "WebP of nothing": b"RIFF\xff\xff\xff\x7fWEBP" + bytes(1 << 20),
        "noise that is an image": images.noise(1500),
    }
    for name, body in broken.items():
        attacks[f"upload of {name}"] = signed("PUT", f"{PHOTOS}/broken", {}, body)
    attacks["upload with much metadata"] = signed(
        "PUT", f"{PHOTOS}/k", {f"x-amz-meta-{n}": "é" * 60 for n in range(100)}, jpeg
    )
    attacks["upload with an odd type"] = signed(
        "PUT", f"{PHOTOS}/k", {"Content-Type": "image/jpeg;" * 1400}, jpeg
    )
    attacks["upload with an odd encoding"] = signed(
        "PUT", f"{PHOTOS}/k", {"Content-Encoding": "aws-chunked," * 1200}, jpeg
    )
    return attacks


def _listings() -> dict[str, Attack]:
    return {
        f"listing with {query or 'nothing'} of {bucket}": signed("GET", f"{bucket}?{query}")
        for query in ("", "list-type=2", "versions", "list-type=2&encoding-type=url")
        for bucket in (PHOTOS, PLAIN)
    }


NOTES: Final = {
    "nesting": "[" * 1900,
    "a long number": '{"v":1,"size":' + "9" * 1900 + "}",
    "an exponent": '{"v":1,"size":1e999999999}',
    "braces": '{"a":' * 380,
    "escapes": '"' + "\\u0041" * 310 + '"',
    "a version": '{"v":99,"a":"' + "a" * 1800 + '"}',
}
"""Metadata of objects that pass for managed, by name."""


def _notes() -> dict[str, Attack]:
    return {
        f"{method} with a manifest of {name}": signed(method, f"{PHOTOS}/note%20{number}")
        for number, name in enumerate(NOTES)
        for method in ("GET", "HEAD")
    }


CORPUS: Final[Mapping[str, Callable[[], Mapping[str, Attack]]]] = {
    "chunks": _chunks,
    "heads": _heads,
    "queries": _queries,
    "XML": _xml,
    "forms": _forms,
    "reads": _reads,
    "copies": _copies,
    "uploads": _uploads,
    "listings": _listings,
    "manifests": _notes,
}
"""Makes the requests of one kind, by what they are."""


def prepare(direct: Any, through: Any) -> None:
    """Fill the two buckets that the requests are about.

    Args:
        direct: Client of the store.
        through: Client of the gateway.
    """
    for path in (PHOTOS, PLAIN):
        direct.create_bucket(Bucket=path.removeprefix("/"))
    photos, plain = PHOTOS.removeprefix("/"), PLAIN.removeprefix("/")
    through.put_object(
        Bucket=photos,
        Key=MANAGED.rpartition("/")[2],
        Body=images.saved(images.photo(2000, 1600), "PNG"),
    )
    answer = through.head_object(Bucket=photos, Key=MANAGED.rpartition("/")[2])
    assert "x-slimgate-tier" in answer["ResponseMetadata"]["HTTPHeaders"]
    through.put_object(Bucket=plain, Key="small", Body=b"small")
    for number, note in enumerate(NOTES.values()):
        direct.put_object(
            Bucket=photos, Key=f"note {number}", Body=b"x", Metadata={"slimgate": note}
        )
    # Enough for a whole page; written to the store, so that the gateway has to ask about each.
    for number in range(1000):
        direct.put_object(Bucket=photos, Key=f"page/{number:04} <&> \u00e9", Body=b"x")
        direct.put_object(Bucket=plain, Key=f"page/{number:04}", Body=b"x")
