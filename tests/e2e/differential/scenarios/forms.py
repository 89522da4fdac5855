"""Uploads by HTML forms: one user signs the policy, any client sends it."""

import base64
import datetime
import hmac
import json
from collections.abc import Mapping
from typing import Final

from tests.e2e import images, wire
from tests.e2e.differential.lab import BUCKET, Lab, Step, Table, filled, op, sent

_BOUNDARY: Final = "a-boundary-of-nothing"
_NOW: Final = datetime.datetime.now(datetime.UTC)
_SCOPE: Final = f"{_NOW:%Y%m%d}/{wire.REGION}/s3/aws4_request"
_LATER: Final = f"{_NOW + datetime.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
_CONDITIONS: Final[tuple[object, ...]] = (
    {"bucket": BUCKET}, ["starts-with", "$key", "k"], ["starts-with", "$x-amz-algorithm", ""],
    ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""],
)  # fmt: skip


def _body(fields: Mapping[str, str], file: bytes | None) -> bytes:
    lines = []
    for name, value in fields.items():
        lines += [f"--{_BOUNDARY}", f'Content-Disposition: form-data; name="{name}"', "", value]
    if file is not None:
        lines += [f"--{_BOUNDARY}", 'Content-Disposition: form-data; name="file"; filename="f.txt"',
                  "Content-Type: text/plain", "", file.decode("latin-1")]  # fmt: skip
    return "\r\n".join([*lines, f"--{_BOUNDARY}--", ""]).encode("latin-1")


def _signed(lab: Lab, policy: str) -> dict[str, str]:
    key = f"AWS4{lab.server.main.secret}".encode()
    for step in _SCOPE.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    encoded = base64.b64encode(policy.encode()).decode()
    return {
        "policy": encoded,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{lab.server.main.access}/{_SCOPE}",
        "x-amz-date": f"{_NOW:%Y%m%dT%H%M%SZ}",
        "x-amz-signature": hmac.digest(key, encoded.encode(), "sha256").hex(),
    }


def _form(
    fields: Mapping[str, str | None],
    conditions: tuple[object, ...] = (),
    *,
    file: bytes | None = b"of a form",
    expires: str = _LATER,
    is_signed: bool = True,
) -> Step:
    """Send a form; fields that are None are left out."""

    def step(lab: Lab) -> None:
        rules = filled(lab, [*_CONDITIONS, *conditions])
        policy = json.dumps({"expiration": expires, "conditions": rules})
        proof = _signed(lab, policy) if is_signed else {}
        given = {n: v for n, v in {"key": "k", **proof, **fields}.items() if v is not None}
        headers = {
            "Host": lab.server.host,
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }
        sent(lab, "form", "POST", f"/{lab.bucket}", headers, _body(given, file))

    return step


_READ: Final = (op("get_object", Key="k"), op("list_objects_v2"))
_TAGGING: Final = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
_OK: Final = ("starts-with", "$success_action_status", "")

_IMAGE: Final = images.jpeg()

_Case = tuple[str, Mapping[str, str | None], tuple[object, ...]]

_IMAGES: Final[tuple[_Case, ...]] = (
    ("form", {}, ()),
    ("form with a type", {"Content-Type": "image/x"},
     (["starts-with", "$Content-Type", "image/"],)),
    ("form with the wrong type", {"Content-Type": "text/x"},
     (["starts-with", "$Content-Type", "image/"],)),
    ("form with a field not in the policy", {"x-amz-meta-a": "1"}, ()),
    ("form with an ignored field", {"x-ignore-a": "1"}, ()),
    ("form with a wrong key", {"key": "other"}, ()),
    ("form with the name of the file", {"key": "k/${filename}"}, ()),
    ("form with a policy that is no policy", {"policy": "bm90IGEgcG9saWN5"}, ()),
    ("form with a wrong signature", {"x-amz-signature": "0" * 64}, ()),
    ("form answered with 200", {"success_action_status": "200"}, (_OK,)),
    ("form answered with 201", {"success_action_status": "201"}, (_OK,)),
    ("form answered elsewhere", {"success_action_redirect": "http://elsewhere/done?a=b"},
     (["starts-with", "$success_action_redirect", "http://"],)),
    ("form of the right length", {}, (["content-length-range", 1, 1 << 20],)),
    ("form that is too long", {}, (["content-length-range", 1, 3],)),
    ("form that is too short", {}, (["content-length-range", 1 << 20, 1 << 21],)),
)  # fmt: skip

IMAGES: Final[Table] = {
    **{f"image in a {name}": (_form(fields, conditions, file=_IMAGE),)
       for name, fields, conditions in _IMAGES},
    **{f"image in a form that expires {when}": (_form({}, file=_IMAGE, expires=when),)
       for when in ("2020-01-01T00:00:00Z", "at no date")},
}  # fmt: skip
"""Forms that a policy takes up: the gateway judges them as the store does."""

SCENARIOS: Final[Table] = {
    "form": (_form({}), *_READ),
    "form by nobody": (_form({}, is_signed=False), *_READ),
    "form by nobody to a public bucket": (
        op("put_bucket_acl", ACL="public-read-write"), _form({}, is_signed=False), *_READ,
    ),
    "form with a type": (_form({"Content-Type": "text/x"}, (["starts-with", "$Content-Type",
        "text/"],)), *_READ),
    "form with the wrong type": (_form({"Content-Type": "image/x"}, (["starts-with",
        "$Content-Type", "text/"],)), *_READ),
    "form with a field not in the policy": (_form({"x-amz-meta-a": "1"}), *_READ),
    "form with an ignored field": (_form({"x-ignore-a": "1"}), *_READ),
    "form with metadata": (_form({"x-amz-meta-a": "1"}, (["eq", "$x-amz-meta-a", "1"],)), *_READ),
    "form with an acl": (_form({"acl": "public-read"}, ({"acl": "public-read"},)), *_READ,
        op("get_object_acl", Key="k")),
    "form with tags": (_form({"tagging": _TAGGING},
                             (["starts-with", "$tagging", ""],)), op("get_object_tagging",
                                 Key="k")),
    "form with the name of the file": (_form({"key": "k/${filename}"}), op("list_objects_v2")),
    "form with a wrong key": (_form({"key": "other"}), *_READ),
    "form without a key": (_form({"key": None}), *_READ),
    "form without a file": (_form({}, file=None), *_READ),
    "form with an empty file": (_form({}, file=b""), *_READ),
    "form without a policy": (_form({"policy": None}), *_READ),
    "form with a policy that is no policy": (_form({"policy": "bm90IGEgcG9saWN5"}), *_READ),
    "form that has expired": (_form({}, expires="2020-01-01T00:00:00Z"), *_READ),
    "form that expires at no date": (_form({}, expires="soon"), *_READ),
    "form with a wrong signature": (_form({"x-amz-signature": "0" * 64}), *_READ),
    "form without a signature": (_form({"x-amz-signature": None}), *_READ),
    "form of an unknown key": (_form({"x-amz-credential": f"unheard-of/{_SCOPE}"}), *_READ),
    "form answered with 200": (_form({"success_action_status": "200"}, (_OK,)), *_READ),
    "form answered with 201": (_form({"success_action_status": "201"}, (_OK,)), *_READ),
    "form answered with 204": (_form({"success_action_status": "204"}, (_OK,)), *_READ),
    "form answered with 404": (_form({"success_action_status": "404"}, (_OK,)), *_READ),
    "form answered elsewhere": (_form({"success_action_redirect": "http://elsewhere/done?a=b"},
                                      (["starts-with", "$success_action_redirect", "http://"],)),
                                          *_READ),
    "form of the right length": (_form({}, (["content-length-range", 1, 100],)), *_READ),
    "form that is too long": (_form({}, (["content-length-range", 1, 3],)), *_READ),
    "form that is too short": (_form({}, (["content-length-range", 100, 200],)), *_READ),
    "form with a broken range of lengths": (_form({}, (["content-length-range", 1],)), *_READ),
    "form of two hundred kilobytes": (_form({}, file=b"x" * 200_000), op("head_object", Key="k")),
    "form that holds a dash": (_form({}, file=b"--" + _BOUNDARY.encode() + b"x\r\n--"), *_READ),
}  # fmt: skip
