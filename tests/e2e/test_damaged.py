"""What lies in the bucket is not what a gateway has put there, or too new for it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Start
from tests.e2e import images
from tests.e2e.operators import counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_ADMIN: Final = {"listen": "127.0.0.1:0"}
_KEY: Final = "k.jpg"


class _Stored(NamedTuple):
    """A rendition and its manifest."""

    body: bytes
    note: Mapping[str, Any]


def _newer(stored: _Stored) -> _Stored:
    return stored._replace(note={**stored.note, "v": 99})


def _without_restorer(stored: _Stored) -> _Stored:
    foreign = {**stored.note["st"], "r": "0" * 16}
    return stored._replace(note={**stored.note, "st": foreign})


def _no_json(stored: _Stored) -> _Stored:
    return stored._replace(note={"no": "manifest"})


def _truncated(stored: _Stored) -> _Stored:
    return stored._replace(body=stored.body[: len(stored.body) // 2])


def _another(stored: _Stored) -> _Stored:
    return stored._replace(body=images.jpeg(64, 48))


@pytest.mark.parametrize(
    ("change", "outcome", "said"),
    [
        (_newer, "unreadable", "manifest cannot be read"),
        (_no_json, "unreadable", "manifest cannot be read"),
        (_without_restorer, "failed", "cannot be restored"),
        (_truncated, "failed", "cannot be restored"),
        (_another, "failed", "cannot be restored"),
    ],
)
def test_what_cannot_be_restored_is_an_error(
    moto: S3Server,
    moto_bucket: str,
    start: Start,
    change: Callable[[_Stored], _Stored],
    outcome: str,
    said: str,
) -> None:
    """A GET of it is a clear error that is counted, and never the small image."""
    process = start({**configuration(moto), "admin": _ADMIN})
    with s3_client(moto.at(process.endpoint)) as client, s3_client(moto) as direct:
        there = {"Bucket": moto_bucket, "Key": _KEY}
        client.put_object(**there, Body=images.jpeg(), ContentType="image/jpeg")
        found = direct.get_object(**there)
        stored = _Stored(found["Body"].read(), json.loads(found["Metadata"]["slimgate"]))
        assert stored.note["v"]
        changed = change(stored)
        direct.put_object(
            **there,
            Body=changed.body,
            ContentType=found["ContentType"],
            Metadata={"slimgate": json.dumps(changed.note, separators=(",", ":"))},
        )
        with pytest.raises(ClientError) as caught:
            client.get_object(**there)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"]["Code"] == "InternalError"
    assert said in answer["Error"]["Message"]
    assert counted(counts(process), "restores_total", outcome=outcome) >= 1
