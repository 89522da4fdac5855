"""A form on a page of another origin posts an image, in Chromium."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.by import By

from tests.conftest import Start
from tests.e2e import images
from tests.servers.browser import Browser
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.pages import pages
from tests.servers.server import Keys, S3Server

_PHOTO: Final = images.jpeg(260, 200)
_DONE: Final = '<!doctype html><title>Done</title><link rel="icon" href="data:,">'
_NAME: Final = "Urlaub am Meer.jpg"
_OWN: Final = Keys("app", "app-secret")
"""Keys that only the gateway knows."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder from an origin of its own: return folder and address."""
    folder = tmp_path / "shop"
    folder.mkdir()
    with pages(folder) as address:
        yield folder, address


@pytest.fixture
def gateway_of_app(upstream: S3Server, shared: Start) -> S3Server:
    """Run a gateway whose keys the store has never heard of."""
    main = upstream.main
    pair = {"upstream_access_key": main.access, "upstream_secret_key": main.secret}
    credentials = [{"access_key": _OWN.access, "secret_key": _OWN.secret, **pair}]
    return S3Server(shared(configuration(upstream, credentials=credentials)).endpoint, (_OWN,))


def _page(post: dict[str, Any]) -> str:
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in post["fields"].items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Upload</title>'
        f'<link rel="icon" href="data:,">'
        f'<form action="{post["url"]}" method="post" enctype="multipart/form-data">{fields}'
        f'<input type="file" name="file"><button name="submit">Upload</button></form></html>'
    )


def _signed(gateway: S3Server, bucket: str, done: str) -> dict[str, Any]:
    """Sign a form for images of at most 1 MB below a prefix."""
    fields = {"success_action_redirect": done, "x-amz-meta-from": "shop"}
    limits: list[object] = [{name: value} for name, value in fields.items()]
    limits.append(["content-length-range", 1, 1_000_000])
    with s3_client(gateway) as s3:
        post: dict[str, Any] = s3.generate_presigned_post(
            bucket, "uploads/${filename}", Fields=fields, Conditions=limits
        )
    return post


def test_a_form_of_a_page_uploads(
    browser: Browser,
    shop: tuple[Path, str],
    gateway_of_app: S3Server,
    direct: Any,
    photos: str,
    tmp_path: Path,
) -> None:
    """The browser is redirected, and the image is stored small under its file's name."""
    folder, address = shop
    (folder / "done.html").write_text(_DONE)
    post = _signed(gateway_of_app, photos, f"{address}done.html")
    (folder / "index.html").write_text(_page(post), encoding="utf-8")
    file = tmp_path / _NAME
    file.write_bytes(_PHOTO)
    browser.open(address)
    browser.driver.find_element(By.NAME, "file").send_keys(str(file))
    browser.driver.find_element(By.NAME, "submit").click()
    browser.until("document.title === 'Done'")
    said = parse_qs(urlsplit(browser.driver.current_url).query)
    target = {"Bucket": photos, "Key": f"uploads/{_NAME}"}
    assert (said["bucket"], said["key"]) == ([photos], [target["Key"]])
    with s3_client(gateway_of_app) as s3:
        got = s3.get_object(**target)
    restored = got["Body"].read()
    assert (len(restored), got["Metadata"]) == (len(_PHOTO), {"from": "shop"})
    assert images.score(_PHOTO, restored) >= images.FLOOR_SCORE
    assert direct.head_object(**target)["ContentType"] == "image/avif"
    assert browser.complaints() == []
