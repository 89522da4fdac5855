"""Chromium gets renditions from the gateway where it shows images, and no script does."""

from typing import Any

from tests.conftest import NewBucket
from tests.e2e import images
from tests.servers.browser import Browser

_FETCH = """fetch(location.href).then(async got =>
    { window.result = [got.headers.get("Content-Type"), (await got.blob()).size] })"""


def test_a_link_shows_avif_and_a_script_gets_jpeg(
    browser: Browser, s3: Any, new_bucket: NewBucket
) -> None:
    """The browser's own cache keeps the two apart, too: no script gets the AVIF out of it."""
    bucket, body = new_bucket("pages"), images.jpeg(240, 200)
    s3.put_object(Bucket=bucket, Key="k.jpg", Body=body, ContentType="image/jpeg",
                  CacheControl="max-age=60")  # fmt: skip
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k.jpg"})
    browser.open(link)
    assert _shown(browser) == ("image/avif", 240)
    for _ in range(2):
        browser.script("delete window.result")
        browser.script(_FETCH)
        browser.until("window.result")
        assert browser.script("return window.result") == ["image/jpeg", len(body)]
    browser.open(link)
    # It has the JPEG now, and learns by If-None-Match that this is current.
    assert _shown(browser) == ("image/jpeg", 240)


def _shown(browser: Browser) -> tuple[str, int]:
    kind = browser.script("return document.contentType")
    return kind, browser.script("return document.images[0].naturalWidth")
