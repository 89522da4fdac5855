"""Form uploads: what the fields of a form say, and the response that they ask for.

Source: Amazon S3 API reference, "POST Object" and "Authenticating Requests in Browser-Based
Uploads".
"""

import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from multidict import CIMultiDict

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.access_control import read_tags, tagging_headers
from slimgate.gateway.s3.authorization import ALGORITHM, basic_time, credential
from slimgate.gateway.s3.canonical import check_printable
from slimgate.gateway.s3.client_keys import TOKEN_HEADER
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import FormParser
from slimgate.gateway.s3.header_names import check_header
from slimgate.gateway.s3.post_policy import PostPolicy, read_policy
from slimgate.gateway.s3.routing import MAX_KEY_BYTES, Target, key_target
from slimgate.gateway.s3.sigv4 import signing_key

_VARIABLE: Final = "${filename}"
_SIGNATURE: Final = "x-amz-signature"
_SIGNED_WITH: Final = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", TOKEN_HEADER, _SIGNATURE}
)
_AS_HEADERS: Final = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-type", "expires", "x-amz-storage-class", "x-amz-website-redirect-location",
    }
)  # fmt: skip
_AS_HEADERS_BY_PREFIX: Final = (
    "x-amz-checksum-", "x-amz-grant-", "x-amz-meta-", "x-amz-object-lock-",
    "x-amz-server-side-encryption",
)  # fmt: skip
_HEADER_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_DOTS: Final = frozenset({".", ".."})
_URL: Final = re.compile(r"https?://[!-~]+")
_STATUSES: Final = {"200": HTTPStatus.OK, "201": HTTPStatus.CREATED}


@dataclass(frozen=True, slots=True)
class PostForm:
    """The fields of a form before its file.

    Attributes:
        bucket: Bucket that it was sent to.
        fields: Values by lower-case name; ``${filename}`` in the key is expanded.
    """

    bucket: str
    fields: Mapping[str, str]

    @property
    def target(self) -> Target:
        """Return bucket and key; the key is empty if the form has none."""
        return key_target(self.bucket, self.fields.get("key", ""))

    @property
    def claims_signature(self) -> bool:
        """Return whether somebody has to verify the form: it has a policy, which is signed."""
        return "policy" in self.fields

    @property
    def access_key(self) -> str:
        """Return the access key that the form claims; empty without a version 4 signature."""
        return self.fields.get("x-amz-credential", "").partition("/")[0]

    @property
    def session_token(self) -> str | None:
        """Return the session token of the form; None: it has none."""
        return self.fields.get(TOKEN_HEADER)

    def verified(self, secret: str, now: datetime.datetime) -> PostPolicy:
        """Verify signature and policy, and return the policy, which also bounds the file's size.

        Args:
            secret: Secret key that belongs to the access key.
            now: Current time, aware.

        Raises:
            S3Error: The signature is wrong or malformed, or the policy does not permit the form.
        """
        self._check_signature(secret)
        policy = read_policy(self.fields["policy"])
        if self.fields.get("bucket", self.bucket) != self.bucket:
            raise S3Error("AccessDenied", "The bucket of the form is not that of the URL.")
        policy.check({**self.fields, "bucket": self.bucket}, now)
        if not self.target.key:
            raise S3Error("InvalidArgument", "Bucket POST must contain a field named 'key'.")
        return policy

    def _check_signature(self, secret: str) -> None:
        for name in ("policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", _SIGNATURE):
            if name not in self.fields:
                raise S3Error(
                    "InvalidArgument", f"Bucket POST must contain a field named '{name}'."
                )
        time = basic_time(self.fields["x-amz-date"])
        if self.fields["x-amz-algorithm"] != ALGORITHM or time is None:
            raise S3Error("InvalidArgument", f"The form must be signed with {ALGORITHM}.")
        _, region = credential(self.fields["x-amz-credential"], time, "InvalidArgument")
        key = signing_key(secret, f"{time:%Y%m%d}/{region}/s3/aws4_request")
        policy, given = self.fields["policy"], self.fields[_SIGNATURE]
        expected = hmac.digest(key, policy.encode(), hashlib.sha256).hex()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise S3Error("SignatureDoesNotMatch")

    def put_headers(self) -> CIMultiDict[str]:
        """Return the headers of the PutObject that stores the same object.

        Raises:
            S3Error: A field cannot be a header, or the gateway does not know what it means.
        """
        made: CIMultiDict[str] = CIMultiDict()
        for name, value in self.fields.items():
            if not value and not name.startswith("x-amz-meta-"):
                continue  # as if it were absent
            if name == "acl":
                made["x-amz-acl"] = _checked(name, value)
            elif name == "tagging":
                made.update(tagging_headers(read_tags(_tagging(value))))
            elif name in _AS_HEADERS or name.startswith(_AS_HEADERS_BY_PREFIX):
                made[name] = _checked(name, value)
            elif name.startswith("x-amz-") and name not in _SIGNED_WITH:
                raise S3Error("InvalidArgument", f"The form field {name[:100]} is not supported.")
        return made

    def response(self, location: str, etag: str) -> "FormResponse":
        """Return the response to a stored form.

        Args:
            location: URL of the object.
            etag: Its ETag, without quotes.
        """
        redirect = self.fields.get("success_action_redirect", self.fields.get("redirect", ""))
        if _URL.fullmatch(redirect):
            named = {"bucket": self.bucket, "key": self.target.key, "etag": f'"{etag}"'}
            query = "&".join(f"{name}={_quoted(value)}" for name, value in named.items())
            mark = "&" if "?" in redirect else "?"
            return FormResponse(HTTPStatus.SEE_OTHER, f"{redirect}{mark}{query}")
        asked = self.fields.get("success_action_status", "")
        status = _STATUSES.get(asked, HTTPStatus.NO_CONTENT)
        if status is not HTTPStatus.CREATED:
            return FormResponse(status, location)
        told = {"Location": location, "Bucket": self.bucket, "Key": self.target.key,
                "ETag": f'"{etag}"'}  # fmt: skip
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
        body = s3xml.DECLARATION + f"<PostResponse>{inner}</PostResponse>".encode(errors="replace")
        return FormResponse(status, location, body)


@dataclass(frozen=True, slots=True)
class FormResponse:
    """The response to a stored form.

    Attributes:
        status: HTTP status.
        location: Location header.
        body: XML, or nothing.
    """

    status: int
    location: str
    body: bytes = b""


def read_form(bucket: str, parser: FormParser) -> PostForm | None:
    """Return a form whose fields have been parsed; None if parsers could disagree on them.

    Args:
        bucket: Bucket that it was sent to.
        parser: Parser that has reached the file.

    Raises:
        S3Error: KeyTooLongError, or InvalidArgument for a key that the gateway does not store.
    """
    try:
        pairs = [(name.decode("ascii"), value.decode()) for name, value in parser.fields]
        file_name = parser.filename.decode()
    except UnicodeDecodeError:
        return None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        return None
    if "key" in fields:
        fields["key"] = _expanded(fields["key"], file_name)
    return PostForm(bucket, fields)


def _expanded(key: str, file_name: str) -> str:
    """Return the key with the name of the file filled in.

    Raises:
        S3Error: KeyTooLongError; InvalidArgument if the file has no name, or for ``.`` and ``..``.
    """
    bare = re.split(r"[/\\]", file_name)[-1]  # some browsers send the whole path
    count = key.count(_VARIABLE)
    if count and not bare:
        # All such files would overwrite each other.
        raise S3Error("InvalidArgument", f"{_VARIABLE} requires a file with one filename.")
    # Before the expansion, which can be a thousand times as long as the form.
    longer = count * (len(bare.encode()) - len(_VARIABLE))
    if len(key.encode()) + longer > MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError")
    key = key.replace(_VARIABLE, bare)
    if not _DOTS.isdisjoint(key.split("/")):
        # A proxy or store that normalizes paths would leave the prefix that the policy permits.
        raise S3Error("InvalidArgument", "A key in a form must not have the segments . and ..")
    return key


def _checked(name: str, value: str) -> str:
    """Return the value of a header.

    Raises:
        S3Error: InvalidArgument or InvalidRequest; the field cannot be a header.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise S3Error("InvalidArgument", "A form field has a name that cannot be a header's.")
    check_header(name)
    check_printable(f"The form field {name}", value)
    return value


def _tagging(text: str) -> s3xml.Element:
    try:
        return s3xml.parse(text.encode())
    except S3Error as error:
        raise S3Error("MalformedXML") from error


def _quoted(value: str) -> str:
    return quote(value, safe="", errors="surrogateescape")
