"""Signature Version 2 against the gateway: as boto3 signs for old stores, and as attackers do."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images, wire
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()


@pytest.fixture(scope="module")
def old(upstream: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run a gateway whose first key accepts version 2."""
    config = configuration(upstream)
    config["credentials"][0]["signature_v2"] = True
    with GatewayProcess(config, tmp_path_factory.mktemp("old")) as process:
        yield upstream.at(process.endpoint)


@pytest.fixture(scope="module")
def client(old: S3Server) -> Iterator[Any]:
    """Talk to it as boto3 does with version 2."""
    with s3_client(old, signature_version="s3") as made:
        yield made


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_a_client_of_version_2_works(client: Any, s3: Any, photos: str) -> None:
    """Objects, listings, copies, multipart uploads and removals work with it in the header."""
    key = "a b/ü+.jpg"
    client.put_object(
        Bucket=photos, Key=key, Body=_FILE, Metadata={"a": "1"}, ContentType="image/jpeg"
    )
    got = client.get_object(Bucket=photos, Key=key)
    assert "x-slimgate-tier" in got["ResponseMetadata"]["HTTPHeaders"]
    assert got["Body"].read() == s3.get_object(Bucket=photos, Key=key)["Body"].read()
    client.copy_object(Bucket=photos, Key="copy", CopySource={"Bucket": photos, "Key": key})
    upload = client.create_multipart_upload(Bucket=photos, Key="parts")["UploadId"]
    part = client.upload_part(
        Bucket=photos, Key="parts", UploadId=upload, PartNumber=1, Body=_FILE
    )["ETag"]
    client.complete_multipart_upload(
        Bucket=photos, Key="parts", UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]},
    )  # fmt: skip
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=photos, Prefix="", PaginationConfig={"PageSize": 2}
    )
    assert [o["Key"] for page in pages for o in page["Contents"]] == [key, "copy", "parts"]
    removed = {"Objects": [{"Key": "copy"}, {"Key": "parts"}]}
    client.delete_objects(Bucket=photos, Delete=removed)
    assert client.list_objects(Bucket=photos)["Contents"][0]["Key"] == key
    assert photos in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def test_presigned_urls_of_version_2_work(client: Any, old: S3Server, photos: str) -> None:
    """An image goes up and down by URLs of version 2, with a name of the URL's choice."""
    params, headers = {"Bucket": photos, "Key": "a b/ü.jpg"}, {"Host": old.host}
    put = client.generate_presigned_url("put_object", Params=params)
    assert wire.send(old, "PUT", _target(put), headers, _FILE).status == 200
    name = 'attachment; filename="ü & co.jpg"'
    get = client.generate_presigned_url(
        "get_object", Params={**params, "ResponseContentDisposition": name}
    )
    answer = wire.send(old, "GET", _target(get), headers)
    assert answer.status == 200
    assert "x-slimgate-tier" in answer.headers


def test_other_keys_do_not_accept_it(
    s3: Any, gateway: S3Server, old: S3Server, photos: str
) -> None:
    """Version 2 is refused, with what to do, by keys for which it is not switched on."""
    s3.put_object(Bucket=photos, Key="k", Body=b"x")
    for server, keys in ((gateway, gateway.users[0]), (old, old.users[1])):
        with s3_client(server, keys, signature_version="s3") as made:
            with pytest.raises(ClientError, match="signature_v2: true") as caught:
                made.get_object(Bucket=photos, Key="k")
            assert failure(caught.value)[1] == "InvalidRequest"
            url = made.generate_presigned_url("get_object", Params={"Bucket": photos, "Key": "k"})
            answer = wire.send(server, "GET", _target(url), {"Host": server.host})
            assert answer.failure == (400, "InvalidRequest")


def test_a_url_stays_the_url_of_its_object(client: Any, old: S3Server, photos: str) -> None:
    """The name of a download cannot select another object."""
    client.put_object(Bucket=photos, Key="secret", Body=b"not for everybody")
    client.put_object(Bucket=photos, Key="mine", Body=b"mine")
    far = "99999999999"
    name = f"attachment; filename=x\n{far}\n/{photos}/secret"
    url = client.generate_presigned_url(
        "get_object", Params={"Bucket": photos, "Key": "mine", "ResponseContentDisposition": name}
    )
    query = parse_qs(urlsplit(url).query)
    signature, expires = query["Signature"][0], query["Expires"][0]
    moved = f"\n{expires}\n/{photos}/mine?response-content-disposition=attachment; filename=x"
    forged = (
        f"/{photos}/secret?AWSAccessKeyId={old.main.access}&Expires={far}"
        f"&Signature={quote(signature, safe='')}&content-type={quote(moved, safe='')}"
    )
    for target in (_target(url), forged):
        answer = wire.send(old, "GET", target, {"Host": old.host})
        assert answer.failure == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "added",
    [
        "legal-hold", "retention", "attributes", "encryption", "policyStatus", "publicAccessBlock",
        "ownershipControls", "intelligent-tiering", "renameObject", "append&position=0", "acl",
        "tagging", "policy", "cors", "uploads", "x-amz-acl=public-read", "prefix=a", "x-id=Put",
    ],
)  # fmt: skip
def test_a_url_gets_no_other_operation(client: Any, old: S3Server, photos: str, added: str) -> None:
    """Nothing can be added to the URL of an upload."""
    url = client.generate_presigned_url("put_object", Params={"Bucket": photos, "Key": "k"})
    body = b"<LegalHold><Status>ON</Status></LegalHold>"
    answer = wire.send(old, "PUT", f"{_target(url)}&{added}", {"Host": old.host}, body)
    assert answer.failure in {
        (400, "InvalidRequest"), (400, "InvalidArgument"), (403, "SignatureDoesNotMatch")
    }  # fmt: skip


def test_a_header_does_not_hide_what_the_url_says(client: Any, old: S3Server, photos: str) -> None:
    """The query must not say public where the header, which is signed, says private."""
    params = {"Bucket": photos, "Key": "k", "ACL": "private"}
    target = _target(client.generate_presigned_url("put_object", Params=params))
    forged = target.replace("x-amz-acl=private", "x-amz-acl=public-read")
    assert forged != target
    headers = {"Host": old.host, "x-amz-acl": "private"}
    answer = wire.send(old, "PUT", forged, headers, b"x")
    assert answer.failure == (400, "InvalidArgument")
