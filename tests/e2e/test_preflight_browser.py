"""A page of another origin uploads and downloads through presigned URLs, in Chromium."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e import images
from tests.e2e.test_preflight import RULES
from tests.servers.browser import Browser
from tests.servers.pages import pages
from tests.servers.server import S3Server

_PAGE: Final = """<!doctype html><html lang="en"><title>A shop</title>
<link rel="icon" href="data:,">
<script>
async function roundTrip(put, get, text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
  const headers = {"Content-Type": "image/jpeg", "x-amz-meta-shop": "1"}
  const sent = await fetch(put, {method: "PUT", headers, body: bytes})
  if (!get) return [sent.status]
  const got = await fetch(get)
  return [sent.status, got.status, (await got.arrayBuffer()).byteLength]
}
</script></html>"""


_RUN: Final = """roundTrip(...arguments)
    .catch(error => [String(error)]).then(result => { window.result = result })"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """Serve a page from an origin of its own, and return its address."""
    (tmp_path / "index.html").write_text(_PAGE)
    with pages(tmp_path) as address:
        yield address


def test_a_page_of_another_origin_uploads(
    browser: Browser, shop: str, s3: Any, direct: Any, photos: str, upstream: S3Server
) -> None:
    """A browser's preflight of a presigned URL is answered, and its upload becomes a rendition."""
    direct.put_bucket_cors(Bucket=photos, CORSConfiguration=RULES)
    body = images.jpeg()
    params = {"Bucket": photos, "Key": "k.jpg"}
    metadata = {"ContentType": "image/jpeg", "Metadata": {"shop": "1"}}
    put = s3.generate_presigned_url("put_object", Params={**params, **metadata})
    get = s3.generate_presigned_url("get_object", Params=params)
    browser.open(shop)
    # moto refuses unsigned preflights of objects that are there, and says nothing else of GET.
    arguments = (put, None if upstream.is_moto else get, base64.b64encode(body).decode())
    browser.script(_RUN, *arguments)
    browser.until("window.result")
    expected = [200] if upstream.is_moto else [200, 200, len(body)]
    assert browser.script("return window.result") == expected
    assert browser.complaints() == []
    head = s3.head_object(**params)
    assert head["Metadata"] == {"shop": "1"}
    assert "x-slimgate-tier" in head["ResponseMetadata"]["HTTPHeaders"]
