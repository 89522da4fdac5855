import json
import re
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config

from tests.conftest import Start
from tests.e2e import images, wire
from tests.e2e.operators import asked
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_TOKEN = "Up-to-no-good-0123456789"


def _presigned(server: S3Server, version: str, bucket: str, key: str) -> str:
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1",
                          aws_access_key_id=server.main.access, config=config,
                          aws_secret_access_key=server.main.secret)  # fmt: skip
    url: str = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    client.close()
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_no_log_has_a_secret(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Whether requests succeed, are refused or are no HTTP: no signature or secret is logged."""
    config = configuration(moto, admin={"listen": "127.0.0.1:0", "token": _TOKEN})
    config["credentials"][0]["signature_v2"] = True
    process = start(config)
    server, path = moto.at(process.endpoint), f"/{moto_bucket}/k.jpg"
    secrets = {keys.secret for keys in server.users} | {_TOKEN}
    answers = []
    with s3_client(server) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg())
    for version in ("s3v4", "s3"):
        url = _presigned(server, version, moto_bucket, "k.jpg")
        query = parse_qs(urlsplit(url).query)
        (signature,) = query.get("X-Amz-Signature") or query["Signature"]
        secrets |= {signature, signature.replace("=", "%3D")}
        assert wire.send(server, "GET", url, {"Host": server.host}).status == 200
        answers.append(wire.send(server, "PUT", url, {"Host": server.host}, b"x"))
    headers = wire.signed(server, "PUT", path)
    secrets.add(headers["Authorization"].rpartition("Signature=")[2])
    broken = {**headers, "x-amz-content-sha256": "no digest"}
    answers.append(wire.send(server, "PUT", path, broken, b"x"))
    answers.append(wire.send(server, "PUT", path, {**headers, "X-Long": "y" * 20_000}, b"x"))
    assert asked(process, "/metrics", token=_TOKEN)[0] == 200
    assert asked(process, "/metrics", token=f"{_TOKEN}x")[0] == 401
    assert all(400 <= answer.status < 500 for answer in answers)
    for answer in answers:
        process.wait_for("refused", request_id=answer.headers["x-amz-request-id"])
    assert re.fullmatch("[0-9A-F]{16}", process.wait_for("optimized")["request_id"])
    log = json.dumps(process.log)
    assert [secret for secret in secrets if secret in log] == []
    assert [line for line in process.log if "text" in line] == []
