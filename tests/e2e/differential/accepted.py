"""Differences that are meant: each with its reason; whatever is not listed here is a fault."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tests.e2e.differential.compare import Difference


@dataclass(frozen=True, slots=True)
class Accepted:
    """A difference that is meant; the stars of all patterns stand for anything.

    Attributes:
        scenario: Pattern of the names of scenarios.
        place: Pattern of the places where they differ.
        reason: Why the gateway is right.
        was: Pattern of what the upstream gives.
        became: Pattern of what the gateway has to give.
        server: ``moto``, ``rgw`` or a pattern of both.
    """

    scenario: str
    place: str
    reason: str
    was: str = "*"
    became: str = "*"
    server: str = "*"


_ECHO: Final = "a checksum that the gateway has verified is repeated, and S3 gives its type, too"
_WORDS: Final = "the gateway words, as S3 does, what it judges itself"
_JUDGED: Final = "the gateway judges signatures, and with the words of S3"
_NAMED: Final = "S3 names what it has stored, and where, in the response to a form"
_VERIFIED: Final = "what a client declares of a body is verified before anything is stored"
_FRAMES: Final = "the gateway takes every framing that S3 takes, whatever the upstream can do"
_NO_HTTP: Final = "what is no HTTP, or a method that nobody knows, is refused by the HTTP server"
_BROKEN: Final = "the upstream gives an answer with two heads; half of one is not passed on"
_BROKEN_HEAD: Final = "the upstream answers HEAD with a body, after which nothing can be understood"
_NO_BUCKET: Final = "what can be no bucket name never reaches the store"
_NO_XML: Final = "a page that is no XML cannot be translated, and its sizes must not be trusted"

_OWN_WORDS: Final = ("Message", "Resource", "BucketName", "Key", "HostId", "StorageClass")
# Where the gateway refuses on its own account, for which the upstream has other words or headers.
_JUDGED_HERE: Final = (
    "signed*", "link*", "copy from*", "framed*", "checksum*", "removal with a wrong digest",
    "parts with a wrong digest", "object put with * md5", "object with a broken escape in its path",
    "head with another host", "image in a form*",
)  # fmt: skip


def _all_of(scenario: str, reason: str, *, server: str = "*", **outcome: str) -> Iterator[Accepted]:
    """Accept whatever follows when steps end otherwise; how they end is still checked.

    Args:
        scenario: Pattern of the names of scenarios.
        reason: Why.
        server: Which servers.
        outcome: Number of a step, as ``step_1``, and pattern of the status that it has to have.
    """
    for step, status in outcome.items():
        yield Accepted(scenario, f"{step.removeprefix('step_')} */status", reason, became=status,
                       server=server)  # fmt: skip
    yield Accepted(scenario, "*", reason, server=server)


ACCEPTED: Final = (
    Accepted("*", "*/header/x-amz-checksum-*", _ECHO, was="(absent)"),
    Accepted("*", "*/content/Checksum*", _ECHO, was="(absent)"),
    Accepted("listing*", "*/header/content-length", "a page that was read tells its length",
             was="(absent)"),
    *(Accepted(scenario, f"*/content/Error/{name}", _WORDS)
      for scenario in _JUDGED_HERE for name in _OWN_WORDS),
    *(Accepted(scenario, "*/header/accept-ranges", _WORDS, was="bytes", became="(absent)",
               server="rgw") for scenario in _JUDGED_HERE),
    # Signatures: Ceph has other codes, and moto takes everything.
    *_all_of("signed with 'AWS main*", "version 2 of the signature is not for new clients",
        step_2="400"),
    *_all_of("signed with ''*", _JUDGED, step_2="400"),
    *_all_of("signed with 'AWS4*Cre*", _JUDGED, step_2="403", server="moto"),
    *_all_of("signed with '*", _JUDGED, step_2="400", server="moto"),
    *_all_of("signed with 'AWS4-HMAC-SHA256' 3", _JUDGED, step_2="400"),
    *_all_of("signed without a digest", _JUDGED, step_2="400"),
    *_all_of("signed, and another header of amazon", "S3 wants all of its headers signed",
        step_2="403"),
    *_all_of("signed with a digest that is none", _JUDGED, step_1="400", step_2="404"),
    *_all_of("signed for nothing, with a body", _VERIFIED, step_1="400", step_2="404",
        server="moto"),
    *_all_of("signed*", _JUDGED, step_2="403", server="moto"),
    *_all_of("link for too long", _JUDGED, step_2="400"),
    *_all_of("link of half a signature", _JUDGED, step_2="400"),
    *_all_of("link *", _JUDGED, step_2="403", server="moto"),
    *_all_of("write by a link", "moto stores the signature's headers as metadata", server="moto"),
    # Bodies.
    *_all_of("framed*with a wrong checksum", _VERIFIED, step_1="400", step_2="404"),
    *_all_of("framed as * of 0", _FRAMES, step_1="200", step_2="200", server="rgw"),
    *_all_of("framed as *_TRAILER of *", _FRAMES, step_1="200", step_2="200", server="rgw"),
    Accepted("framed*", "*ncoding", "the framing is no encoding of the object", was="aws-chunked",
             became="(absent)"),
    *_all_of("checksum that*", _VERIFIED, step_1="400", step_2="404"),
    *_all_of("checksum of an unknown kind", _VERIFIED, step_1="400", step_2="404"),
    *_all_of("checksums of two kinds", _VERIFIED, step_1="400", step_2="404"),
    *_all_of("removal with a wrong digest", _VERIFIED, step_2="400"),
    *_all_of("parts with a wrong digest", _VERIFIED, step_2="400", server="moto"),
    *_all_of("object put with * md5", _VERIFIED, step_1="400", step_2="404", server="moto"),
    *_all_of("framed*", "moto stores the signature's headers as metadata", step_1="200",
        server="moto"),
    # Forms with an image: moto takes every form, and says less than S3 of one that is stored.
    *(Accepted("image in a form*", f"1 form/header/{name}", _NAMED)
      for name in ("etag", "location", "x-slimgate-tier")),
    *_all_of("image in a form*", _JUDGED, step_1="40?", server="moto"),
    Accepted("image in a form answered with 201", "1 form/content", "S3 quotes the ETag",
             became="<*"),
    Accepted("image in a form * no date", "*/Code", _JUDGED, became="InvalidPolicyDocument"),
    Accepted("image in a form with a * signature", "*/Code", _JUDGED,
             became="SignatureDoesNotMatch"),
    Accepted("image in a form * no policy", "*/Code", _JUDGED, became="SignatureDoesNotMatch"),
    # Addresses and heads.
    *_all_of("copy from '{bucket}/%zz'", _WORDS, step_2="400"),
    *_all_of("copy from*", _WORDS, step_2="400", server="moto"),
    Accepted("copy from '%2F*", "2 */content", "Ceph answers this spelling as a copy of a part",
             server="rgw"),
    *_all_of("object with a broken escape in its path", _WORDS, step_1="400", step_2="400"),
    *(item for name in ("with an escaped *", "with one letter", "of 300 letters", "in Greek")
      for item in _all_of(f"bucket named {name}", _NO_BUCKET, step_1="400", step_2="400")),
    *_all_of("bucket named with a colon", "the gateway spells addresses as they are signed",
        server="moto"),
    *_all_of("bucket with an unknown method", _NO_HTTP, step_3="400"),
    *_all_of("object with unknown methods", _NO_HTTP, step_3="400"),
    *_all_of("length that is*", _NO_HTTP, step_1="400"),
    *_all_of("head with another host",
        "whose bucket a host is, is said by the gateway's own domains",
             step_2="403", server="rgw"),
    *_all_of("read with an override by nobody", _BROKEN, step_2="503", server="rgw"),
    *_all_of("object with an escaped nul in its path", _BROKEN_HEAD, step_2="503", server="rgw"),
    *_all_of("listing asked for prefix=%ff", _NO_XML, step_12="500", server="rgw"),
    *_all_of("listing asked for marker=%00", _NO_XML, step_12="500", server="rgw"),
    Accepted("object with metadata with blanks", "*/header/x-amz-meta-a",
             "outer blanks are no part of a header (RFC 9110, section 5.5)", was="a  b ",
                 became="a  b"),
    Accepted("read by a link with overrides", "*/header/content-disposition",
             "octets that are no UTF-8 do not get through the HTTP library", server="moto"),
)  # fmt: skip


def unexpected(
    scenario: str, found: Mapping[str, Difference], *, is_moto: bool
) -> dict[str, Difference]:
    """Leave out accepted differences: the first rule for a place decides."""
    server = "moto" if is_moto else "rgw"
    return {
        place: difference
        for place, difference in found.items()
        if not _is_meant(scenario, place, difference, server)
    }


def _is_meant(scenario: str, place: str, difference: Difference, server: str) -> bool:
    for each in ACCEPTED:
        patterns = ((each.scenario, scenario), (each.place, place), (each.server, server),
                    (each.was, difference.was))  # fmt: skip
        if all(_matches(text, pattern) for pattern, text in patterns):
            return _matches(difference.became, each.became)
    return False


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern)
