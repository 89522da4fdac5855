import hashlib
import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from slimgate.config import Feedback as Settings
from slimgate.gateway.admin.playground.feedback import MAX_COMMENT, Feedback, FeedbackNotSaved
from tests.gateway.admin.playground.results import plain


async def test_a_verdict_is_one_line(tmp_path: Path) -> None:
    """Any comment yields one JSON line with the verdict and its subject."""
    path = tmp_path / "feedback.jsonl"
    feedback, result = Feedback(Settings(path=str(path))), plain()
    await feedback.take(result, "down", f" a\n\u2028b \udc80{'x' * 1000}")
    (text,) = path.read_text().splitlines()
    line = json.loads(text)
    assert (line["verdict"], line["image"], line["tier"]) == ("down", None, "plain")
    assert hashlib.sha256(result.upload).hexdigest() == line["sha256"]
    assert line["comment"].startswith("a\n\u2028b \udc80x")
    assert len(line["comment"]) == MAX_COMMENT
    assert (result.verdict, result.verdicts) == ("down", 1)


async def test_images_are_kept_within_bounds(tmp_path: Path) -> None:
    """Each image is saved once and whole, and the folder stays within its limit."""
    folder = tmp_path / "images"
    feedback = Feedback(
        Settings(path=str(tmp_path / "f"), images=str(folder), images_max_bytes=2**20)
    )
    first, large = plain(1000), plain(2**20)
    with capture_logs() as logs:
        for result in (first, first, large, plain(5, mime=None)):
            await feedback.take(result, "up", "")
    name = f"{hashlib.sha256(first.upload).hexdigest()}.png"
    assert [each.name for each in folder.iterdir()] == [name]
    assert first.upload == (folder / name).read_bytes()
    kept = [json.loads(line)["image"] for line in (tmp_path / "f").read_text().splitlines()]
    assert kept == [name, name, None, None]
    assert [line["event"] for line in logs] == ["feedback image folder full"]


async def test_a_lost_verdict_is_told(tmp_path: Path) -> None:
    """A verdict that cannot be written is reported, and does not count."""
    feedback, result = Feedback(Settings(path=str(tmp_path / "no" / "f"))), plain()
    with pytest.raises(FeedbackNotSaved):
        await feedback.take(result, "up", "")
    assert (result.verdict, result.verdicts) == (None, 0)
    (tmp_path / "file").touch()
    settings = Settings(path=str(tmp_path / "f"), images=str(tmp_path / "file"))
    with capture_logs() as logs:
        await Feedback(settings).take(result, "up", "")
    assert result.verdict == "up"
    assert [line["event"] for line in logs] == ["feedback image not saved"]
