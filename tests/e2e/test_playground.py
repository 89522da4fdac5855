"""The playground, asked as browsers and scripts ask it."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import pytest

from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()
_ADMIN: Final = {"listen": "127.0.0.1:0"}
_TOKEN: Final = "Up-to-no-good-0123456789"


class _Playground(NamedTuple):
    process: GatewayProcess
    folder: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the verdicts so far."""
        file = self.folder / "feedback.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture(scope="module")
def playground(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Playground]:
    """Run a gateway whose operators may try images and judge them."""
    folder = tmp_path_factory.mktemp("playground")
    feedback = {"path": str(folder / "feedback.jsonl"), "images": str(folder / "images")}
    config = configuration(moto, admin={**_ADMIN, "feedback": feedback})
    with GatewayProcess(config, tmp_path_factory.mktemp("gateway")) as process:
        yield _Playground(process, folder)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


async def _ask(
    process: GatewayProcess,
    path: str,
    *,
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    jar: aiohttp.CookieJar | None = None,
) -> _Answer:
    """Send a GET, or a POST where there are data; redirects are not followed."""
    address = process.wait_for("listening for operators")["address"]
    method = "GET" if data is None else "POST"
    # A cookie of an IP address is none that a jar takes by default.
    async with (
        aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar() if jar is None else jar
        ) as session,
        session.request(
            method, f"http://{address}{path}", data=data, headers=headers, allow_redirects=False
        ) as response,
    ):
        return _Answer(response.status, response.headers, await response.read())


def _form(file: bytes, name: str = "a.jpg", policy: str = "photos") -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)  # browsers escape quotes alone
    form.add_field("policy", policy)
    form.add_field("image", file, filename=name)
    return form


async def _tried(process: GatewayProcess, file: bytes, name: str = "a.jpg", **more: Any) -> str:
    """Try an image, and return the address of the result."""
    answer = await _ask(process, "/_slimgate/try", data=_form(file, name), **more)
    assert answer.status == 303, answer.text
    return answer.headers["Location"]


async def test_an_image_is_tried(playground: _Playground) -> None:
    """The rendition and the restored file are there, and hold the floor."""
    where = await _tried(playground.process, _FILE)
    page = (await _ask(playground.process, where)).text
    assert re.search(r"[0-9.]+ % saved", page)
    assert page.count("<b>won</b>") == 1
    assert "below floor" in page
    files = {}
    for name in ("uploaded", "stored", "restored"):
        answer = await _ask(playground.process, f"{where}/{name}")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert (
            answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"],
        ) == ("nosniff", "no-store")  # fmt: skip
        files[name] = answer.body
    assert files["uploaded"] == _FILE
    assert len(_FILE) == len(files["restored"]) > len(files["stored"])
    assert images.score(_FILE, files["restored"]) >= images.FLOOR_SCORE


@pytest.mark.parametrize(
    ("file", "reason", "tried"),
    [
        (images.jpeg(64, 48, quality=30), "nothing smaller holds the floor", "<table"),
        (b"no image", "not an image of a type that the policy names", "refused before"),
    ],
)
async def test_why_something_stays(
    playground: _Playground, file: bytes, reason: str, tried: str
) -> None:
    """What stays as it is has a reason, and what was tried is shown."""
    where = await _tried(playground.process, file)
    page = (await _ask(playground.process, where)).text
    assert "stored unchanged" in page
    assert reason in page
    assert tried in page
    assert "<dt>lossless</dt><dd>not tried: " in page
    assert (await _ask(playground.process, f"{where}/restored")).status == 404
    shown = 404 if file == b"no image" else 200
    assert shown == (await _ask(playground.process, f"{where}/uploaded")).status


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(100), "stored as it came: HEIC"),
        (b"%PDF-1.7" + bytes(100), "This is a PDF document. The gateway takes JPEG, PNG, WebP"),
        (b"<svg xmlns=", "This is an SVG drawing. The gateway takes JPEG"),
        (b"\0\0\0\x18ftypisom", "This is a video. "),
    ],
)
async def test_formats_that_are_not_taken_are_named(
    playground: _Playground, data: bytes, named: str
) -> None:
    """Who tries a file that stays as it is learns what it is, and what is taken."""
    where = await _tried(playground.process, data)
    assert named in (await _ask(playground.process, where)).text


async def test_other_settings_take_effect(playground: _Playground) -> None:
    """The same image under a lower fidelity is smaller, and its curve still has the first one."""
    json_wanted = {"Accept": "application/json"}
    first = await _ask(playground.process, "/_slimgate/try", data=_form(_FILE), headers=json_wanted)
    before = json.loads(first.body)
    assert (before["name"], before["uploaded"], before["why"]) == ("a.jpg", len(_FILE), None)
    other = [("fidelity", "economy"), ("tiers", "recode")]
    answer = await _ask(
        playground.process, f"{before['url']}/again", data=other, headers=json_wanted
    )
    after = json.loads(answer.body)
    assert (after["tier"], after["stored"] < before["stored"]) == ("recode", True)
    page = (await _ask(playground.process, after["url"])).text
    assert "fidelity: economy" in page
    assert page.count('class="won" cx=') == page.count('class="earlier" cx=') == 1
    refused = await _ask(playground.process, f"{before['url']}/again", data={"fidelity": "none"})
    assert (refused.status, "choose a fidelity" in refused.text) == (400, True)


async def test_a_result_is_shared_as_one_file(playground: _Playground) -> None:
    """It holds both images and asks for nothing; what stays as it is cannot be compared."""
    where = await _tried(playground.process, _FILE)
    answer = await _ask(playground.process, f"{where}/share")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.text.count("data:image/jpeg;base64,") == 2
    assert re.findall(r'(?:src|href|action)="(?!data:)', answer.text) == []
    plain = await _tried(playground.process, b"no image")
    assert (await _ask(playground.process, f"{plain}/share")).status == 409


async def test_errors_are_pages_for_browsers(playground: _Playground) -> None:
    """A browser that is lost sees a page with a way back; scripts get text."""
    page = await _ask(playground.process, "/_slimgate/nowhere", headers={"Accept": "text/html"})
    assert (page.status, "Try an image" in page.text) == (404, True)
    assert "<" not in (await _ask(playground.process, "/_slimgate/nowhere")).text
    icon = await _ask(playground.process, "/favicon.ico")
    assert (icon.status, "icon-" in icon.headers["Location"]) == (302, True)


async def test_whatever_a_file_is_called_is_text(playground: _Playground) -> None:
    """Names are displayed and never run, and a page may contact only the gateway."""
    where = await _tried(playground.process, b"x", "<script>alert(1)</script>.jpg")
    answer = await _ask(playground.process, where)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Server"] == "slimgate"
    links = re.findall(r'(?:src|href|action)="([^"#]*)"', answer.text)
    assert [link for link in links if not link.startswith("/_slimgate/") and link] == []


async def test_verdicts_are_kept(playground: _Playground) -> None:
    """A verdict is a line with everything that training needs to know, and the image is kept."""
    where = await _tried(playground.process, _FILE)
    said = {"verdict": "up", "comment": 'fine\n"really"'}
    answer = await _ask(playground.process, f"{where}/verdict", data=said)
    assert (answer.status, answer.headers["Location"]) == (303, f"{where}#verdict")
    line, digest = playground.lines[-1], hashlib.sha256(_FILE).hexdigest()
    assert said.items() <= line.items()
    assert (digest, "photos", len(_FILE)) == (
        line["sha256"], line["policy"], line["uploaded_bytes"],
    )  # fmt: skip
    assert {
        "tier",
        "codec",
        "quality",
        "scale",
        "restorer",
        "psnr_db",
        "ssim",
        "orb",
        "time",
    } <= set(line)
    assert (playground.folder / "images" / line["image"]).read_bytes() == _FILE
    page = (await _ask(playground.process, where)).text
    assert "Saved: thumbs up" in page
    answers = [
        await _ask(playground.process, f"{where}/verdict", data={"verdict": "down"})
        for _ in range(5)
    ]
    assert [answer.status for answer in answers] == [303, 303, 303, 303, 409]
    for path, form in ((where, {"verdict": "sideways"}), ("/_slimgate/results/none", said)):
        answer = await _ask(playground.process, f"{path}/verdict", data=form)
        assert answer.status in {400, 404}


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (_form(b""), {}, 400),
        (_form(_FILE, policy="nothing"), {}, 400),
        (b"x", {"Content-Type": "multipart/form-data; boundary=b"}, 400),
        (b"x", {"Content-Type": "multipart/form-data"}, 400),
        (b"x", {"Content-Type": "image/jpeg"}, 415),
        (_form(_FILE), {"Content-Encoding": "gzip"}, 415),
        (_form(_FILE), {"Origin": "http://evil.example"}, 403),
        (_form(_FILE), {"Host": "evil.example"}, 403),
    ],
)
async def test_what_is_not_taken(
    playground: _Playground, data: Any, headers: Mapping[str, str], status: int
) -> None:
    """Forms that our page does not send are refused with a reason, and nothing breaks."""
    if isinstance(data, aiohttp.FormData) and "Content-Encoding" in headers:
        # aiohttp would compress it.
        headers = {**headers, "Content-Type": "multipart/form-data; boundary=b"}
        data = b"--b"
    answer = await _ask(playground.process, "/_slimgate/try", data=data, headers=headers)
    assert answer.status == status, answer.text


async def test_few_are_tried_at_the_same_time(playground: _Playground) -> None:
    """A request during others is asked to wait; aborted ones do not count."""
    address = playground.process.wait_for("listening for operators")["address"]
    head = ("POST /_slimgate/try HTTP/1.1", f"Host: {address}", "Content-Length: 1000",
            "Content-Type: multipart/form-data; boundary=b", "", "--b")  # fmt: skip
    writers = []
    for _ in range(4):
        _, writer = await asyncio.open_connection(*address.split(":"))
        writer.write("\r\n".join(head).encode())
        writers.append(writer)
    full = await _until(playground.process, 503)  # by then all four have arrived
    assert (full.headers["Retry-After"], "wait a moment" in full.text) == ("1", True)
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    await _until(playground.process, 400)


async def _until(process: GatewayProcess, status: int) -> _Answer:
    """Send empty forms until one is answered like this."""
    async with asyncio.timeout(60):
        while True:
            answer = await _ask(process, "/_slimgate/try", data=_form(b""))
            if answer.status == status:
                return answer


@pytest.mark.parametrize("path", ["try", "upscale"])
async def test_large_bodies_are_not_read(playground: _Playground, path: str) -> None:
    """A body whose declared length is too large is refused before it is read."""
    address = playground.process.wait_for("listening for operators")["address"]
    reader, writer = await asyncio.open_connection(*address.split(":"))
    head = (
        f"POST /_slimgate/{path} HTTP/1.1",
        f"Host: {address}",
        "Content-Length: 70000000",
        "",
        "",
    )
    writer.write("\r\n".join(head).encode())
    assert await reader.readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
    await reader.readuntil(b"this file is too large, 66.8 MiB: choose one of at most")
    writer.close()
    await writer.wait_closed()


async def test_pieces_have_no_length(playground: _Playground) -> None:
    """A body that does not say how long it is costs nothing."""

    async def pieces() -> Any:
        yield b"x"

    answer = await _ask(playground.process, "/_slimgate/upscale", data=pieces())
    assert (answer.status, "Content-Length" in json.loads(answer.body)["error"]) == (411, True)


@pytest.mark.parametrize(
    ("query", "scale"),
    [
        ("", 2),
        ("restorer=native-x2", 2),
        ("restorer=native-x4", 4),
        ("restorer=native&scale=3", 3),
        ("restorer=lanczos&scale=4", 4),
        ("restorer=bicubic&scale=2", 2),
    ],
)
async def test_scripts_enlarge(playground: _Playground, query: str, scale: int) -> None:
    """Each restorer answers with the image enlarged, as PNG."""
    answer = await _ask(playground.process, f"/_slimgate/upscale?{query}", data=_FILE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    before, after = images.opened(_FILE), images.opened(answer.body)
    assert (after.format, after.mode) == ("PNG", "RGB")
    assert (before.width * scale, before.height * scale) == after.size
    assert images.fidelity(_FILE, images.saved(after.resize(before.size), "PNG"))[0] > 24


@pytest.mark.parametrize(
    ("query", "accept", "mime"),
    [
        ("", "image/webp,*/*", "image/webp"),
        ("", "image/jpeg;q=0.9", "image/jpeg"),
        ("", "text/html, */*", "image/png"),
        ("format=jpeg", "image/webp", "image/jpeg"),
    ],
)
async def test_scripts_choose_a_format(
    playground: _Playground, query: str, accept: str, mime: str
) -> None:
    """The format is the one that the address names, or the first that is accepted."""
    answer = await _ask(
        playground.process, f"/_slimgate/upscale?{query}", data=_FILE, headers={"Accept": accept}
    )
    assert (answer.status, answer.headers["Content-Type"]) == (200, mime)
    assert images.MIMES[str(images.opened(answer.body).format)] == mime


@pytest.mark.parametrize(
    ("query", "data", "status", "error"),
    [
        ("restorer=nobody", _FILE, 400, "use one of bicubic"),
        ("restorer=native-x2&scale=3", _FILE, 400, "native-x2 upscales by 2"),
        ("scale=1", _FILE, 400, "upscales by"),
        ("scale=1e9", _FILE, 400, "upscales by"),
        ("format=tiff", _FILE, 400, "png, jpeg, webp"),
        ("", b"no image", 415, "PNG, JPEG or WebP"),
        ("", b"", 400, "empty"),
        ("", _FILE[:-500], 422, "this file"),
        ("restorer=sagemaker-x4", _FILE, 501, "cannot run here"),
    ],
)
async def test_scripts_are_told_what_is_wrong(
    playground: _Playground, query: str, data: bytes, status: int, error: str
) -> None:
    """Whatever cannot be enlarged is answered with a sentence in JSON."""
    answer = await _ask(playground.process, f"/_slimgate/upscale?{query}", data=data)
    assert (answer.status, error in json.loads(answer.body)["error"]) == (status, True), answer


async def test_savings_and_policies(
    moto: S3Server, moto_bucket: str, playground: _Playground
) -> None:
    """Savings of buckets and policies in force are shown at once, without secrets."""
    before = (await _ask(playground.process, "/_slimgate/savings")).text
    assert moto_bucket not in before
    with s3_client(moto.at(playground.process.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
    table = (await _ask(playground.process, "/_slimgate/savings?table")).text
    assert f'<th scope="row">{moto_bucket}</th><td data-label="images">1</td>' in table
    assert f'<td data-label="uploaded" title="{len(_FILE):,} bytes">' in table
    page = (await _ask(playground.process, "/_slimgate/policies")).text
    assert "effort: fast" in page
    secrets = [keys.secret for keys in moto.users]
    assert [secret for secret in secrets if secret in page] == []


async def test_savings_survive_a_restart(moto: S3Server, moto_bucket: str, tmp_path: Path) -> None:
    """A gateway that is started again shows what the one before it saved, by tier and bucket."""
    history = str(tmp_path / "savings.sqlite")
    config = configuration(moto, admin={**_ADMIN, "history": history})
    with (
        GatewayProcess(config, tmp_path) as process,
        s3_client(moto.at(process.endpoint)) as client,
    ):
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
    with GatewayProcess(config, tmp_path) as process:
        page = (await _ask(process, "/_slimgate/savings")).text
    assert "Nothing yet" in page
    assert "Saved since 2" in page
    assert f'<th scope="row">{moto_bucket}</th><td data-label="images">1</td>' in page


async def test_several_processes_and_a_token(moto: S3Server, start: Start) -> None:
    """With a token people sign in once; with several processes their pages are in one place."""
    config = configuration(
        moto,
        processes=2,
        engine={"workers": 2},
        limits={"max_buffered_bytes": "2MiB"},
        admin={**_ADMIN, "token": _TOKEN},
    )
    for policy in config["policies"]:
        policy["limits"] = {"max_bytes": "1MiB"}
    process = start(config)
    html = {"Accept": "text/html"}
    for path in ("/_slimgate/", "/_slimgate/savings", "/_slimgate/results/x"):
        assert (await _ask(process, path)).status == 401
        answer = await _ask(process, path, headers=html)
        where = f"/_slimgate/login?next={path}"
        assert (answer.status, answer.headers["Location"]) == (303, where)
    assert (await _ask(process, "/_slimgate/upscale", data=_FILE)).status == 401
    jar = aiohttp.CookieJar(unsafe=True)
    sign_in = "/_slimgate/login?next=%2F_slimgate%2Fsavings"
    page = await _ask(process, sign_in, headers=html)
    assert (page.status, 'type="password"' in page.text) == (200, True)
    style = re.findall(r'href="(/_slimgate/static/[^"]*css)"', page.text)[0]
    assert "immutable" in (await _ask(process, style)).headers["Cache-Control"]
    assert (await _ask(process, sign_in, data={"token": "wrong"}, jar=jar)).status == 401
    answer = await _ask(process, sign_in, data={"token": _TOKEN}, jar=jar)
    assert (answer.status, answer.headers["Location"]) == (303, "/_slimgate/savings")
    cookie = answer.headers["Set-Cookie"]
    assert ("HttpOnly" in cookie, "SameSite=Strict" in cookie, _TOKEN in cookie) == (
        True,
        True,
        False,
    )
    away = await _ask(process, "/_slimgate/login?next=//evil.example", data={"token": _TOKEN})
    assert away.headers["Location"] == "/_slimgate/"
    where = await _tried(process, _FILE, jar=jar)
    for _ in range(4):
        assert "saved" in (await _ask(process, where, jar=jar)).text
    assert (await _ask(process, f"{where}/uploaded", jar=jar)).body == _FILE
    with s3_client(moto) as direct, s3_client(moto.at(process.endpoint)) as client:
        direct.create_bucket(Bucket="photos-of-several")
        for number in range(4):
            client.put_object(Bucket="photos-of-several", Key=str(number), Body=_FILE)
    table = await _ask(process, "/_slimgate/savings?table", jar=jar)
    assert '<th scope="row">photos-of-several</th><td data-label="images">4</td>' in table.text
    bearer = {"Authorization": f"Bearer {_TOKEN}"}
    assert (await _ask(process, "/_slimgate/upscale", data=_FILE, headers=bearer)).status == 200
    large = bytes(1 << 20)
    full = await _ask(process, "/_slimgate/try", data=_form(large), headers=bearer)
    assert (full.status, full.headers["Retry-After"]) == (503, "1")
    assert _TOKEN not in str(process.log)
