"""The ledger of shadow policies: one line per upload, whatever becomes of the file."""

import json
from pathlib import Path

from slimgate.gateway.jobs import ledgers
from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server, wait_until

_FILE = images.jpeg()


def test_each_upload_has_its_line(
    upstream: S3Server, start: Start, new_bucket: NewBucket, tmp_path: Path
) -> None:
    """Uploads under a shadow policy are told with what they would have become, or why not."""
    path, bucket = tmp_path / "ledger.jsonl", new_bucket("shadow")
    process = start({**configuration(upstream), "ledger": {"path": str(path)}})
    with s3_client(upstream.at(process.endpoint)) as s3:
        for key, body in (("a.jpg", _FILE), ("b.jpg", b"text"), ("c.jpg", _FILE[:500])):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        s3.put_object(Bucket=new_bucket("photos"), Key="optimized.jpg", Body=_FILE)
    wait_until(lambda: len(path.read_text().splitlines()) == 3, "lines of all uploads")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines.sort(key=lambda line: str(line["key"]))
    assert [line["key"] for line in lines] == ["a.jpg", "b.jpg", "c.jpg"]
    small, text, torn = lines
    assert set(text) | {"ssimulacra2", "ssimulacra2_worst"} == set(small) == {
        "time", "policy", "bucket", "key", "tier", "codec", "scale", "quality", "uploaded_bytes",
        "stored_bytes", "psnr_db", "ssim", "orb", "ssimulacra2", "ssimulacra2_worst", "label",
        "reason",
    }  # fmt: skip
    assert len(_FILE) == small["uploaded_bytes"] > small["stored_bytes"]
    assert (small["reason"], text["tier"], text["stored_bytes"]) == (None, "plain", 4)
    assert (torn["tier"], torn["stored_bytes"]) == ("plain", 500)
    assert torn["reason"]
    told = ledgers.summary([path])
    assert "shadow: 3 uploads, 1 would be small" in told
    assert "1  not an image of a type that the policy names" in told


def test_a_ledger_that_cannot_be_written_costs_nothing(
    moto: S3Server, start: Start, tmp_path: Path
) -> None:
    """Without its folder the ledger is logged as missing once, and uploads go on."""
    path = tmp_path / "none" / "ledger.jsonl"
    process = start({**configuration(moto), "ledger": {"path": str(path)}})
    with s3_client(moto) as client:
        client.create_bucket(Bucket="shadow-unwritten")
    with s3_client(moto.at(process.endpoint)) as s3:
        for _ in range(2):
            s3.put_object(Bucket="shadow-unwritten", Key="k", Body=b"text")
    assert len(process.events("ledger not written")) == 1
