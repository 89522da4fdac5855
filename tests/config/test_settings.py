import os
import re
from typing import Any, Final

import pytest
from pydantic import SecretStr, ValidationError

from slimgate.config.engine import Engine
from slimgate.config.settings import MAX_POLICIES, Settings
from slimgate.config.upstream_credentials import UpstreamCredentials
from tests.config.builders import SECRET, minimal, policy, settings

_UNLIMITED: Final = {
    "connections": None,
    "requests_per_s": None,
    "burst": 100,
    "bytes_in_flight": None,
    "jobs": None,
}


def test_defaults_are_those_of_the_design() -> None:
    """Only the endpoint and one key pair are needed."""
    expected = {
        "processes": 1,
        "listen": "127.0.0.1:9000",
        "tls": {"certificate": None, "key": None},
        "domains": ("localhost",),
        "upstream": {
            "endpoint": "http://store:9000",
            "region": "us-east-1",
            "sts_endpoint": None,
            "addressing": "path",
            "connect_timeout_s": 5.0,
            "read_timeout_s": 60.0,
            "max_connections": 256,
            "pool_timeout_s": 5.0,
        },
        "credentials": (
            {
                "access_key": "AKIA",
                "secret_key": SecretStr(SECRET),
                "session_token": None,
                "upstream": None,
                "upstream_access_key": None,
                "upstream_secret_key": None,
                "signature_v2": False,
            },
        ),
        "credentials_file": None,
        "cache": {
            "max_bytes": 256 * 2**20,
            "ttl_s": 3600.0,
            "authorization_ttl_s": 0.0,
            "redis": {
                "url": None,
                "ttl_s": 86_400,
                "max_entry_bytes": 8 * 2**20,
                "timeout_ms": 250.0,
                "lease_s": 3.0,
            },
        },
        "engine": {
            "workers": "auto",
            "worker_memory": 5 * 2**30,
            "sandbox": "auto",
            "max_queue": 64,
            "max_queue_wait_s": 30.0,
            "backend": "openvino",
            "device": "auto",
            "threads": 0,
            "max_batch": 0,
            "max_wait_ms": 2.0,
            "max_pixels_in_flight": 400 * 10**6,
            "sagemaker": {"endpoint": None, "region": "us-east-1"},
            "remote": {
                "urls": (),
                "token": None,
                "timeout_s": 30.0,
                "connections": 16,
                "ca_file": None,
            },
        },
        "index": {"kind": "sqlite", "path": None, "access_key": None, "entries": 10_000_000},
        "deferred": {
            "queue": "sqlite",
            "path": None,
            "access_key": None,
            "concurrency": 1,
            "cpu_share": 1.0,
            "images_per_minute": 0,
            "max_queued": 100_000,
            "max_attempts": 100,
            "lease_s": 60.0,
            "remove_replaced": False,
        },
        "limits": {
            "max_connections": 1024,
            "address_share": 0.5,
            "proxies": (),
            "forwarded_for": False,
            "per_address": _UNLIMITED,
            "per_identity": _UNLIMITED,
            "handshake_timeout_s": 5.0,
            "head_timeout_s": 20.0,
            "keepalive_timeout_s": 75.0,
            "client_timeout_s": 60.0,
            "min_client_rate": 2**10,
            "max_buffered_bytes": 512 * 2**20,
            "max_spooled_bytes": 5 * 2**30,
            "max_listing_heads": 32,
            "max_header_bytes": 16 * 2**10,
            "max_head_bytes": 64 * 2**10,
        },
        "manifests": {"keys": (), "required": False},
        "tracing": {"endpoint": None, "sample": 1.0},
        "ledger": {"path": None, "max_bytes": 64 * 2**20},
        "admin": {
            "listen": None,
            "token": None,
            "tls": False,
            "feedback": {
                "path": None,
                "max_bytes": 64 * 2**20,
                "images": None,
                "images_max_bytes": 2**30,
            },
            "history": None,
            "price_per_gb_month": 0.023,
        },
        "shutdown_timeout_s": 60.0,
        "heartbeat_timeout_s": 30.0,
        "policies": (),
    }
    assert settings().model_dump() == expected


def test_the_address_is_split() -> None:
    """Host and port of the listening address come without brackets."""
    assert settings(listen="[::1]:0").address == ("::1", 0)


def test_domains_are_in_lower_case() -> None:
    """Host headers are compared in lower case, so domains are stored so."""
    assert settings(domains=["S3.Example.com"]).domains == ("s3.example.com",)


def pair(key: str = "AKIA", **more: str) -> dict[str, str]:
    """Return a key pair."""
    return {"access_key": key, "secret_key": SECRET, **more}


def test_upstream_keys_default_to_the_same_pair() -> None:
    """A client's own keys are used upstream unless a pair is given for it."""
    other = pair("B", upstream_access_key="up", upstream_secret_key="hush")
    made = settings(credentials=[pair(), other])
    assert [credential.other_upstream for credential in made.credentials] == [
        None,
        UpstreamCredentials(access_key="up", secret_key=SecretStr("hush")),
    ]


def test_workers_are_counted() -> None:
    """A number is taken as it is, and auto is the number of usable cores."""
    assert Engine(workers=3).worker_count == 3
    assert 1 <= Engine().worker_count <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("admin", "address"),
    [
        ({}, None),
        ({"listen": "127.0.0.2:1"}, ("127.0.0.2", 1)),
        ({"listen": "[::1]:1"}, ("::1", 1)),
        ({"listen": "localhost:1"}, ("localhost", 1)),
        ({"listen": "0.0.0.0:1", "token": "secret"}, ("0.0.0.0", 1)),  # noqa: S104  # nothing is bound
    ],
)
def test_operators_need_a_token_from_elsewhere(
    admin: dict[str, Any], address: tuple[str, int] | None
) -> None:
    """The admin listener may be open on loopback, and is off by default."""
    assert settings(admin=admin).admin.address == address


def upstream(**changes: Any) -> dict[str, Any]:
    """Return a change of the group upstream."""
    return {"upstream": {"endpoint": "http://store:9000", **changes}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"listen": "9000"}, "host:port"),
        ({"listen": 9000}, "valid string"),
        ({"domains": ["a b"]}, "host name"),
        ({"domains": ["localhost", "LOCALHOST"]}, "is a duplicate"),
        ({"domains": ["a"] * 33}, "at most 32"),
        ({"upstream": None}, "valid dictionary"),
        ({"upstream": {}}, "Field required"),
        (upstream(endpoint="http://store/x"), "without path"),
        (upstream(endpoint="http://" + "a" * 600), "at most 512"),
        (upstream(region=""), "match pattern"),
        (upstream(region="eu\r\nx: y"), "match pattern"),
        (upstream(addressing="auto"), "'path' or 'virtual'"),
        (upstream(endpoint="http://10.0.0.1:80", addressing="virtual"), "not an IP address"),
        (upstream(connect_timeout_s=0), "greater than 0"),
        (upstream(read_timeout_s=3601), "less than or equal to 3600"),
        (upstream(read_timeout_s=float("inf")), "finite number"),
        (upstream(max_connections=0), "greater than or equal to 1"),
        ({"credentials": []}, "add a key pair, or set credentials_file"),
        ({"credentials": [pair(), pair()]}, "is a duplicate"),
        ({"credentials": [pair("")]}, "match pattern"),
        ({"credentials": [pair("a/b")]}, "match pattern"),
        ({"credentials": [pair("a,b")]}, "match pattern"),
        ({"credentials": [pair("a b")]}, "match pattern"),
        ({"credentials": [pair("é")]}, "match pattern"),
        ({"credentials": [pair("a" * 129)]}, "match pattern"),
        ({"credentials": [pair(secret_key="")]}, "at least 1"),
        ({"credentials": [pair(secret_key="a" * 1025)]}, "at most 1024"),
        ({"credentials": [pair(secret_key="line end\n")]}, "printable text"),
        ({"credentials": [pair(secret_key=" a")]}, "printable text"),
        ({"credentials": [pair(upstream_access_key="a")]}, "or neither"),
        ({"credentials": [pair(upstream_secret_key="a")]}, "or neither"),
        ({"cache": {"max_bytes": "2TiB"}}, "less than or equal to"),
        ({"cache": {"authorization_ttl_s": -1}}, "greater than or equal to 0"),
        ({"cache": {"max_bytes": -1}}, "whole number of bytes"),
        ({"cache": {"max_byte": 1}}, "Extra inputs"),
        ({"cache": {"redis": {"url": "http://host:6379"}}}, "redis://host:6379"),
        ({"cache": {"redis": {"url": "redis://"}}}, "redis://host:6379"),
        ({"cache": {"redis": {"url": "redis://host:70000"}}}, "redis://host:6379"),
        ({"cache": {"redis": {"ttl_s": 0}}}, "greater than or equal to 1"),
        ({"engine": {"workers": 0}}, "auto or a whole number from 1 to 256"),
        ({"engine": {"workers": 257}}, "auto or a whole number from 1 to 256"),
        ({"engine": {"workers": True}}, "auto or a whole number from 1 to 256"),
        ({"engine": {"workers": "2"}}, "auto or a whole number from 1 to 256"),
        ({"engine": {"worker_memory": "1MiB"}}, "greater than or equal to"),
        ({"engine": {"sandbox": "on"}}, "'auto', 'required' or 'off'"),
        ({"engine": {"max_queue": 0}}, "greater than or equal to 1"),
        ({"engine": {"backend": "remote"}}, "set engine.remote.urls"),
        ({"engine": {"remote": {"urls": ["engine:9100"]}}}, "must be an http or https URL"),
        ({"engine": {"remote": {"urls": ["http://e/path"]}}}, "without path"),
        ({"engine": {"remote": {"timeout_s": 61}}}, "less than or equal to 60"),
        ({"engine": {"remote": {"connections": 0}}}, "greater than or equal to 1"),
        ({"engine": {"remote": {"token": ""}}}, "at least 1 item"),
        ({"engine": {"max_queue_wait_s": 0}}, "greater than 0"),
        ({"limits": {"max_connections": 0}}, "greater than or equal to 1"),
        ({"limits": {"per_address": {"burst": 0}}}, "greater than or equal to 1"),
        ({"limits": {"per_identity": {"requests_per_s": 0}}}, "greater than 0"),
        ({"limits": {"per_identity": {"bytes_in_flight": 1}}}, "greater than or equal to"),
        ({"limits": {"head_timeout_s": 0}}, "greater than 0"),
        ({"limits": {"keepalive_timeout_s": 0}}, "greater than 0"),
        ({"limits": {"client_timeout_s": 3601}}, "less than or equal to 3600"),
        ({"limits": {"min_client_rate": 0}}, "greater than or equal to 1"),
        ({"limits": {"max_spooled_bytes": 1}}, "greater than or equal to"),
        ({"limits": {"max_buffered_bytes": 1}}, "greater than or equal to"),
        ({"limits": {"max_header_bytes": "2MiB"}}, "less than or equal to"),
        ({"limits": {"max_listing_heads": 1001}}, "less than or equal to 1000"),
        ({"deferred": {"queue": "redis"}}, "set cache.redis.url"),
        ({"deferred": {"access_key": "UNKNOWN"}}, "not among credentials"),
        ({"deferred": {"cpu_share": 0}}, "greater than or equal to 0.01"),
        ({"index": {"entries": 0}}, "greater than or equal to 1"),
        ({"index": {"kind": "redis"}}, "sqlite"),
        ({"index": {"access_key": "UNKNOWN"}}, "not among credentials"),
        ({"index": {"path": ""}}, "at least 1 character"),
        ({"index": {"path": "/a"}, "deferred": {"path": "/a"}}, "is the file of index.path"),
        ({"deferred": {"path": "/a"}, "admin": {"history": "/a"}}, "is the file of deferred.path"),
        ({"policies": {}}, "valid tuple"),
        ({"policies": [policy(), policy(bucket="b")]}, "is a duplicate"),
        (
            {"policies": [policy(), policy(name="b", prefix="x")]},
            "policy 'photos' matches the same",
        ),
        ({"limits": {"max_buffered_bytes": "1MiB"}, "policies": [policy()]}, "must not exceed"),
        ({"tracing": {"endpoint": "host:4318"}}, "http://host:4318/v1/traces"),
        ({"tracing": {"endpoint": "http://user:key@host/"}}, "http://host:4318/v1/traces"),
        ({"tracing": {"sample": 1.1}}, "less than or equal to 1"),
        ({"originals": {}}, "Extra inputs"),
        ({"admin": {"listen": "9001"}}, "host:port"),
        ({"admin": {"listen": "0.0.0.0:9001"}}, "needs a token: set admin.token"),
        ({"admin": {"listen": "[::]:9001"}}, "needs a token: set admin.token"),
        ({"admin": {"listen": "gateway:9001"}}, "needs a token: set admin.token"),
        ({"admin": {"tls": True}}, "needs a certificate"),
        ({"admin": {"token": ""}}, "at least 1"),
        ({"admin": {"feedback": {"images": "/images"}}}, "set admin.feedback.path"),
        ({"admin": {"history": ""}}, "admin.history"),
        ({"admin": {"price_per_gb_month": -1}}, "greater than or equal to 0"),
        ({"shutdown_timeout_s": -1}, "greater than or equal to 0"),
        ({"heartbeat_timeout_s": 4}, "greater than or equal to 5"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, Any], reason: str) -> None:
    """A value outside its bounds or in contradiction to another one is refused."""
    with pytest.raises(ValidationError, match=re.escape(reason)):
        settings(**change)


@pytest.mark.parametrize(
    ("key", "reason"), [("upstream", "Field required"), ("credentials", "set credentials_file")]
)
def test_two_keys_are_required(key: str, reason: str) -> None:
    """There is no default for the store and for who may use the gateway."""
    document = minimal()
    del document[key]
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate(document)


def test_a_file_of_credentials_is_enough() -> None:
    """All clients may be in the credentials file."""
    made = settings(credentials=[], credentials_file="keys.json")
    assert (made.credentials, made.credentials_file) == ((), "keys.json")


def test_the_number_of_policies_is_bounded() -> None:
    """The documented number of policies is accepted, one more is not."""
    rules = [policy(name=f"p{index}", bucket=f"b{index}") for index in range(MAX_POLICIES + 1)]
    assert len(settings(policies=rules[1:]).policies) == MAX_POLICIES
    with pytest.raises(ValidationError, match="at most 1000"):
        settings(policies=rules)
