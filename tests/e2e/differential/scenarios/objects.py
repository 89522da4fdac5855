"""Objects written and read back: keys, bodies, metadata, and the headers that belong to them."""

from typing import Final

from tests.e2e.differential.lab import Scenario, Table, op, raw

_KEYS: Final = {
    "a space": "a b", "a plus": "a+b", "a percent": "100%", "an escape": "a%20b", "a quote": 'a"b',
    "an apostrophe": "a'b", "an ampersand": "a&b=c", "a question": "a?b", "a hash": "a#b",
    "a bracket": "a<b>", "a backslash": "a\\b", "a semicolon": "a;b", "a tilde": "~a~",
        "a star": "*",
    "an umlaut": "ä", "a combined umlaut": "a\u0308", "an emoji": "\U0001f600", "a tab": "a\tb",
    "a line end": "a\nb", "a carriage return": "a\rb", "a dot": "a/./b", "two dots": "a/../b",
    "a leading dot": ".a", "two slashes": "a//b", "a trailing slash": "a/",
    "brackets and commas": "[a],{b}|c^d`", "a colon and an at": "a:b@c$d!(e)",
        "1024 bytes": "k" * 1024,
    "1025 bytes": "k" * 1025, "a noncharacter": "a\uffffb", "a right-to-left mark": "a\u202eb",
}  # fmt: skip
_RAW_KEYS: Final = {
    "a raw plus": "/{bucket}/a+b", "a lower-case escape": "/{bucket}/%c3%a4",
    "an escaped letter": "/{bucket}/%61", "an escaped slash": "/{bucket}/a%2Fb",
    "an escaped dot": "/{bucket}/a/%2e%2e/b", "no UTF-8": "/{bucket}/%ff%fe",
    "a broken escape": "/{bucket}/a%zz", "an escaped nul": "/{bucket}/a%00b",
    "raw brackets": "/{bucket}/a[b]", "a leading slash": "/{bucket}//k", "an at": "/{bucket}/a@b:c",
}  # fmt: skip
_METADATA: Final[dict[str, dict[str, object]]] = {
    "of one": {"x-amz-meta-a": "1"},
    "empty": {"x-amz-meta-a": ""},
    "with blanks": {"x-amz-meta-a": " a  b "},
    "in UTF-8": {"x-amz-meta-a": "Grüße"},
    "encoded as a word": {"x-amz-meta-a": "=?UTF-8?B?R3LDvMOfZQ==?="},
    "with capitals": {"X-Amz-Meta-CamelCase": "Value"},
    "with an underscore": {"x-amz-meta-a_b": "1"},
    "without a name": {"x-amz-meta-": "1"},
    "of fifty": {f"x-amz-meta-n{number}": str(number) for number in range(50)},
    "of 2 KB": {"x-amz-meta-a": "x" * 2000},
    "of 3 KB": {"x-amz-meta-a": "x" * 3000},
    "with a comma": {"x-amz-meta-a": "1,2, 3"},
    "with quotes": {"x-amz-meta-a": '"x"; y="z"'},
    "of rclone": {"x-amz-meta-md5chksum": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    "of s3cmd": {"x-amz-meta-s3cmd-attrs": "uid:0/md5:aa/mode:33188"},
}
_HEADERS: Final[dict[str, dict[str, object]]] = {
    "type": {"Content-Type": "text/plain; charset=utf-8"},
    "empty type": {"Content-Type": ""},
    "odd type": {"Content-Type": "no type at all"},
    "cache control": {"Cache-Control": "public, max-age=14400"},
    "disposition": {"Content-Disposition": "attachment; filename*=UTF-8''%e2%82%ac.txt"},
    "language": {"Content-Language": "de, en"},
    "encoding": {"Content-Encoding": "gzip"},
    "several encodings": {"Content-Encoding": "gzip, br"},
    "expires": {"Expires": "Thu, 01 Dec 2033 16:00:00 GMT"},
    "no date in expires": {"Expires": "0"},
    "storage class": {"x-amz-storage-class": "STANDARD"},
    "unknown storage class": {"x-amz-storage-class": "FLOPPY"},
    "redirect": {"x-amz-website-redirect-location": "/elsewhere"},
    "tags": {"x-amz-tagging": "a=1&b=%20x"},
    "broken tags": {"x-amz-tagging": "a=1&a=2"},
    "md5": {"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="},
    "wrong md5": {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    "short md5": {"Content-MD5": "YWJyYWNhZGFicmE="},
    "empty md5": {"Content-MD5": ""},
    "if nothing is there": {"If-None-Match": "*"},
    "if something is there": {"If-Match": "*"},
    "if another is there": {"If-Match": '"00000000000000000000000000000000"'},
    "kms": {"x-amz-server-side-encryption": "aws:kms"},
    "kms key": {"x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "no-such-key"},
    "sse": {"x-amz-server-side-encryption": "AES256"},
    "unknown sse": {"x-amz-server-side-encryption": "ROT13"},
    "customer key": {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=",
        "x-amz-server-side-encryption-customer-key-md5": "DWygnHRtgiJ77HCm+1rvHw==",
    },
    "customer key alone": {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    "lock": {"x-amz-object-lock-mode": "GOVERNANCE",
             "x-amz-object-lock-retain-until-date": "2033-01-01T00:00:00Z"},
    "hold": {"x-amz-object-lock-legal-hold": "ON"},
    "payer": {"x-amz-request-payer": "requester"},
    "owner": {"x-amz-expected-bucket-owner": "123456789012"},
    "range": {"Content-Range": "bytes 0-4/10"},
    "unknown": {"x-amz-unheard-of": "1"},
    "cookie": {"Cookie": "a=b", "Referer": "http://localhost/", "User-Agent": "me"},
    "forwarded": {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "Via": "1.1 x"},
    "accept": {"Accept": "*/*", "Accept-Encoding": "gzip, br", "Accept-Language": "de"},
    "te": {"TE": "trailers", "Connection": "close"},
}  # fmt: skip


def _with_headers(headers: dict[str, object]) -> Scenario:
    return (
        raw("PUT", "/{bucket}/k", headers, b"hello"),
        raw("HEAD", "/{bucket}/k"),
        raw("GET", "/{bucket}/k"),
    )


SCENARIOS: Final[Table] = {
    **{f"object with {what} in its key": (
        op("put_object", Key=key, Body=b"x"), op("get_object", Key=key), op("head_object", Key=key),
        op("list_objects_v2"), op("list_objects", EncodingType="url"),
        op("delete_object", Key=key), op("list_objects_v2"),
    ) for what, key in _KEYS.items()},
    **{f"object with {what} in its path": (
        raw("PUT", path, body=b"x"), raw("GET", path), op("list_objects_v2"), raw("DELETE", path),
    ) for what, path in _RAW_KEYS.items()},
    **{f"object with metadata {what}": _with_headers(each) for what, each in _METADATA.items()},
    **{f"object put with {what}": _with_headers(each) for what, each in _HEADERS.items()},
    "object that is empty": (
        op("put_object", Key="k", Body=b""), op("get_object", Key="k"), op("head_object", Key="k"),
        op("list_objects_v2"),
    ),
    "object that is replaced": (
        op("put_object", Key="k", Body=b"first", Metadata={"a": "1"}, ContentType="text/plain"),
        op("put_object", Key="k", Body=b"second"), op("get_object", Key="k"), op("list_objects_v2"),
    ),
    "object that is not there": (
        op("get_object", Key="k"), op("head_object", Key="k"), op("delete_object", Key="k"),
        op("get_object_acl", Key="k"), op("get_object_tagging", Key="k"),
    ),
    "object of a megabyte": (
        op("put_object", Key="k", Body=bytes(range(256)) * 4096), op("get_object", Key="k"),
        op("head_object", Key="k"),
    ),
    "object of compressed bytes": (
        raw("PUT", "/{bucket}/k", {"Content-Encoding": "gzip", "Content-Type": "text/plain"},
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV*I,.QRP\xaa\x05\x00\xbd\xb2\xf4\x0c"),
        raw("GET", "/{bucket}/k", {"Accept-Encoding": "gzip"}), raw("GET", "/{bucket}/k"),
    ),
    "object of things that look compressed": (
        raw("PUT", "/{bucket}/k", {"Content-Encoding": "gzip"}, b"this is no gzip at all"),
        raw("GET", "/{bucket}/k", {"Accept-Encoding": "gzip"}),
    ),
    "object posted to": (raw("POST", "/{bucket}/k", body=b"x"),),
    "object with unknown methods": (
        raw("PATCH", "/{bucket}/k"), raw("TRACE", "/{bucket}/k"), raw("FROB", "/{bucket}/k"),
    ),
    "object with unknown subresources": (
        op("put_object", Key="k", Body=b"x"), raw("GET", "/{bucket}/k?nothing"),
        raw("GET", "/{bucket}/k?x-id=GetObject"), raw("GET", "/{bucket}/k?nothing=1&more=%20"),
        raw("PUT", "/{bucket}/k?nothing", body=b"y"), raw("GET", "/{bucket}/k"),
    ),
    "object torrent": (op("put_object", Key="k", Body=b"x"), raw("GET", "/{bucket}/k?torrent")),
    "object restore": (
        op("put_object", Key="k", Body=b"x"), op("restore_object", Key="k",
            RestoreRequest={"Days": 1}),
    ),
    "object attributes": (
        op("put_object", Key="k", Body=b"x"),
        op("get_object_attributes", Key="k", ObjectAttributes=["ETag", "ObjectSize",
            "StorageClass"]),
        op("get_object_attributes", Key="none", ObjectAttributes=["ETag"]),
        raw("GET", "/{bucket}/k?attributes"),
    ),
    "object of another owner": (
        op("put_object", Key="k", Body=b"x"), op("get_object", Key="k", by="alt"),
        op("head_object", Key="k", by="alt"), op("put_object", Key="k", Body=b"y", by="alt"),
        op("delete_object", Key="k", by="alt"), op("get_object", Key="k", by="nobody"),
        op("head_object", Key="k", by="nobody"), op("list_objects_v2", by="alt"),
        op("list_objects_v2", by="nobody"), op("put_object", Key="n", Body=b"y", by="nobody"),
    ),
    "object appended to": (
        raw("PUT", "/{bucket}/k?append&position=0", body=b"one"),
        raw("PUT", "/{bucket}/k?append&position=3", body=b"two"), raw("GET", "/{bucket}/k"),
    ),
}  # fmt: skip
