from dataclasses import replace
from typing import Any

import pytest

from slimgate.config import Policies
from slimgate.gateway.handlers.anonymous import check_call
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.s3.sigv4 import Verified
from tests.config.builders import policy, settings
from tests.gateway.handlers.calls import Gateway


def _policies(*changes: dict[str, Any]) -> Policies:
    named = [policy(name=f"p{number}", **each) for number, each in enumerate(changes)]
    return Policies(settings(policies=named).policies)


_SHARED = _policies(
    {"bucket": "open", "prefix": "public/", "anonymous": True},
    {"bucket": "open", "prefix": "private/"},
    {"bucket": "open", "prefix": "off/", "mode": "off"},
    {"bucket": "closed*"},
    {"bucket": "public*", "anonymous": True},
    {"bucket": "off", "mode": "off"},
)


def _code(path: str, method: str = "GET", **headers: str) -> str | None:
    bucket, _, key = path.partition("/")
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    call, _ = Gateway().call(method, key_target(bucket, key), "", said)
    try:
        check_call(_SHARED, call)
    except S3Error as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("open/public/k", True),
        ("open/private/k", False),
        ("open/off/k", True),
        ("open/other", False),
        ("open", False),
        ("closed/k", False),
        ("closed-too", False),
        ("public/k", True),
        ("public", True),
        ("off/k", True),
        ("off", True),
        ("unnamed/k", True),
        ("", True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
def test_policies_decide_about_their_objects(path: str, method: str, passes: bool) -> None:
    """What no policy is in force for needs the consent of all policies of the bucket."""
    assert _code(path, method) == (None if passes else "AccessDenied")


def test_a_copy_needs_both_ends() -> None:
    """What may be written to is no way to read what may not be read."""
    assert _code("public/k", "PUT", x_amz_copy_source="closed/k") == "AccessDenied"
    assert _code("closed/k", "PUT", x_amz_copy_source="public/k") == "AccessDenied"
    assert _code("public/k", "PUT", x_amz_copy_source="/unnamed/k") is None


def test_signed_requests_and_preflights_pass() -> None:
    """The store decides about them."""
    assert _code("closed/k", "OPTIONS") is None
    call, _ = Gateway().call("GET", key_target("closed", "k"))
    check_call(
        _SHARED, replace(call, verified=Verified("key", "0" * 64, presigned=False, chunks=None))
    )
