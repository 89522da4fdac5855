"""Sealed manifests: several gateways, keys that change, and a forger with a key of the store."""

from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()
_OLD: Final = "an old secret of many characters"
_NEW: Final = "a new secret, of characters, too"


def _gateway(start: Start, moto: S3Server, **manifests: object) -> S3Server:
    config = configuration(moto, manifests=manifests, engine={"workers": 1})
    return moto.at(start(config).endpoint)


def _read(server: S3Server, bucket: str, key: str) -> int:
    with s3_client(server) as client:
        listed = {
            each["Key"]: each["Size"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]
        }
        size = len(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert listed[key] == size
    return size


def test_keys_change_while_gateways_serve(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """What one gateway seals another one reads, before, while and after the key is changed."""
    with s3_client(_gateway(start, moto)) as client:
        client.put_object(Bucket=moto_bucket, Key="before", Body=_FILE)
    changing = _gateway(start, moto, keys=[_OLD, _NEW])
    changed = _gateway(start, moto, keys=[_NEW, _OLD])
    for key, server in (("old", changing), ("new", changed)):
        with s3_client(server) as client:
            client.put_object(Bucket=moto_bucket, Key=key, Body=_FILE)
    for server in (changing, changed):
        for key in ("before", "old", "new"):
            assert _read(server, moto_bucket, key) == len(_FILE)
    with s3_client(changed) as client:
        for directive in ("COPY", "REPLACE"):
            client.copy_object(Bucket=moto_bucket, Key=directive, MetadataDirective=directive,
                               CopySource={"Bucket": moto_bucket, "Key": "old"})  # fmt: skip
    strict = _gateway(start, moto, keys=[_NEW], required=True)
    for key in ("new", "REPLACE"):
        assert _read(strict, moto_bucket, key) == len(_FILE)
    with s3_client(strict) as client:
        for key in ("before", "old", "COPY"):
            with pytest.raises(ClientError) as caught:
                client.get_object(Bucket=moto_bucket, Key=key)
            assert failure(caught.value) == (500, "InternalError")
            assert "manifest cannot be read" in str(caught.value)


def _forged(direct: Any, bucket: str, key: str, note: str) -> None:
    body = direct.get_object(Bucket=bucket, Key="k")["Body"].read()
    direct.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"slimgate": note})


def test_a_forged_manifest_is_not_believed(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """With a key of the store one can write objects, but no manifest that gateways believe."""
    server = _gateway(start, moto, keys=[_NEW], required=True)
    with s3_client(server) as client, s3_client(moto) as direct:
        client.put_object(Bucket=moto_bucket, Key="k", Body=_FILE)
        note: str = direct.head_object(Bucket=moto_bucket, Key="k")["Metadata"]["slimgate"]
        _forged(direct, moto_bucket, "larger", note.replace('"n":', '"n":1', 1))
        _forged(direct, moto_bucket, "bare", note.partition(',"s":')[0] + "}")
        _forged(direct, moto_bucket, "copied", note)
        for key in ("larger", "bare"):
            with pytest.raises(ClientError) as caught:
                client.get_object(Bucket=moto_bucket, Key=key)
            assert failure(caught.value) == (500, "InternalError")
        copied = client.get_object(Bucket=moto_bucket, Key="copied")["Body"].read()
        assert copied == client.get_object(Bucket=moto_bucket, Key="k")["Body"].read()
