"""Tests of ``slimgate models``."""

import dataclasses
import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.models.registry.cards import Card, Download
from slimgate.models.registry.catalog import RESTORERS
from tests.models.command import main
from tests.servers.files import FileServer, file_server

_WITHOUT_TORCH = importlib.util.find_spec("torch") is None
_BODY = b"weights" * 1000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep weights in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "slimgate"


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Run a server of one file of weights."""
    with file_server(_BODY) as running:
        yield running


@pytest.fixture
def published(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Card:
    """Put a network into the catalog whose weights that server has."""
    download = Download(server.url, hashlib.sha256(_BODY).hexdigest(), len(_BODY))
    card = dataclasses.replace(RESTORERS[-1], name="published", download=download)
    monkeypatch.setattr("slimgate.models.command_line.CATALOG", (RESTORERS[0], card))
    monkeypatch.setattr("slimgate.models.command_line.named", {"published": card}.__getitem__)
    return card


def test_the_list_names_every_restorer(capsys: pytest.CaptureFixture[str]) -> None:
    """Each restorer has a line with its name, kind and hash, below the titles."""
    assert main(["list"]) == 0
    titles, *lines = capsys.readouterr().out.splitlines()
    assert titles.startswith("NAME ")
    assert [line.split()[0] for line in lines] == [card.name for card in RESTORERS]
    for card, line in zip(RESTORERS, lines, strict=True):
        assert card.kind in line
        assert line.endswith(card.hash)
    assert {titles.index("KIND")} == {
        line.index(card.kind) for card, line in zip(RESTORERS, lines, strict=True)
    }


@pytest.mark.parametrize("card", RESTORERS, ids=lambda card: card.name)
def test_all_that_is_known_is_shown(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line shows licence and origin of every restorer."""
    assert main(["show", card.name]) == 0
    shown = capsys.readouterr().out
    for fact in (card.name, card.hash, card.licence, card.source, card.training_data):
        assert fact in shown
    if card.download is not None:
        assert card.download.url in shown
        assert card.download.sha256 in shown


@pytest.mark.parametrize("command", ["show", "fetch", "verify"])
def test_unknown_names_are_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no restorer has fails, and the known ones are listed."""
    assert main([command, "nonsense"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "unknown restorer 'nonsense'; choose one of bicubic, " in output.err


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_interpolations_have_no_weights(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Restorers without weights say so."""
    assert main([command, "bicubic"]) == 1
    assert "bicubic has no weights" in capsys.readouterr().err


def test_weights_are_fetched(
    published: Card, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights go to the cache, or where they are wanted; the path is all that is printed."""
    assert published.download is not None
    assert main(["fetch", "published"]) == 0
    assert f"{cache / 'weights.pth'}\n" == capsys.readouterr().out
    assert main(["fetch", "published", "--to", str(tmp_path / "to")]) == 0
    assert f"{tmp_path / 'to' / 'weights.pth'}\n" == capsys.readouterr().out
    assert (tmp_path / "to" / "weights.pth").read_bytes() == _BODY


def test_failures_to_fetch_are_told(
    published: Card, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be had fails with the reason, without a traceback."""
    assert published.download is not None
    server.statuses = [404]
    assert main(["fetch", "published"]) == 1
    assert f"{server.url}: the server answered 404 Not Found\n" == capsys.readouterr().err


def test_fetched_weights_are_verified(
    published: Card, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name, all weights that are there are compared with what was published."""
    assert published.download is not None
    assert main(["verify"]) == 0
    assert f"No weights in {cache}" in capsys.readouterr().out
    main(["fetch", "published"])
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert f"{cache / 'weights.pth'}: as published\n" == capsys.readouterr().out
    (cache / "weights.pth").write_bytes(b"other")
    assert main(["verify"]) == 1
    assert "differs from" in capsys.readouterr().err


@pytest.mark.skipif(not _WITHOUT_TORCH, reason="torch is installed")
def test_files_need_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without torch, verifying a file reports what to install."""
    assert main(["verify", str(tmp_path / "x.pth")]) == 2
    assert "pip install 'slimgate[gpu]'" in capsys.readouterr().err


@pytest.mark.torch
@pytest.mark.skipif(_WITHOUT_TORCH, reason="torch is not installed; see make test-torch")
def test_files_are_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any checkpoint is described, with the digest that a configuration needs."""
    from tests.models import checkpoint_files as files  # noqa: PLC0415  # it needs torch

    path = files.saved({"params": files.compact(2)}, tmp_path / "mine.pth")
    assert main(["verify", str(path)]) == 0
    shown = capsys.readouterr().out
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for fact in ("mine.pth", "RealESRGAN Compact", "RGB to RGB", digest):
        assert fact in shown
    path.write_bytes(b"broken")
    assert main(["verify", str(path)]) == 1
    assert "mine.pth: it is damaged" in capsys.readouterr().err


def test_nothing_heavy_is_imported() -> None:
    """Importing the restorers, as the gateway does, does not load torch."""
    program = "import sys, slimgate.models.command_line; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
