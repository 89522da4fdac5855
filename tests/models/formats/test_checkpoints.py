"""Tests of reading checkpoints of all kinds, the malicious ones included."""

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from slimgate.models.formats import checkpoints, recognition, weights  # noqa: E402
from slimgate.models.formats.checkpoints import Unusable  # noqa: E402
from slimgate.models.registry.catalog import named  # noqa: E402
from tests.models import checkpoint_files as files  # noqa: E402

pytestmark = pytest.mark.torch

_GENUINE = Path(__file__).parents[4] / "shared/data/weights/realesr-animevideov3.pth"


@pytest.mark.parametrize(
    ("state", "architecture", "scale", "reach", "multiple_of"),
    [
        (files.rrdb(4), "ESRGAN", 4, None, 1),
        (files.rrdb(2), "ESRGAN", 2, None, 4),
        (files.compact(4, convolutions=32), "RealESRGAN Compact", 4, 34, 1),
        (files.compact(4, convolutions=16), "RealESRGAN Compact", 4, 18, 1),
        (files.compact(1), "RealESRGAN Compact", 1, 4, 1),
    ],
    ids=["x4plus", "x2plus", "general-x4v3", "animevideov3", "x1"],
)
def test_published_architectures_are_recognized(
    state: files.State,
    architecture: str,
    scale: int,
    reach: int | None,
    multiple_of: int,
    tmp_path: Path,
) -> None:
    """The weights alone determine the architecture."""
    path = files.saved({"params_ema": state}, tmp_path / "any.pth")
    found = checkpoints.load(path)
    assert (found.architecture, found.scale, found.reach) == (architecture, scale, reach)
    assert found.multiple_of == multiple_of
    assert found.name == "any.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == found.sha256
    assert found.parameters == sum(each.numel() for each in state.values())


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"params": x}, lambda x: {"model": x}])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_both_formats_hold_the_same(
    wrap: Callable[[files.State], dict[str, object]], suffix: str, tmp_path: Path
) -> None:
    """Neither wrapping nor renaming of weights changes the result."""
    state = files.compact(2)
    plain = tmp_path / f"plain{suffix}"
    save_file(state, plain)
    wrapped = files.saved(wrap(state), tmp_path / f"wrapped{suffix}")
    image = torch.rand((1, 3, 8, 9), generator=torch.Generator().manual_seed(1))
    first, second = (checkpoints.load(path).module(image) for path in (plain, wrapped))
    assert torch.equal(first, second)


def test_the_digest_is_checked(tmp_path: Path) -> None:
    """A file is refused when another one was wanted, and taken however its digest is written."""
    path = files.saved(files.compact(), tmp_path / "x.pth")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == checkpoints.load(path, sha256=digest.upper()).sha256
    with pytest.raises(Unusable, match="another file"):
        checkpoints.load(path, sha256="0" * 64)


class _Malice:
    """Creates a file when it is unpickled by a program that trusts it."""

    def __init__(self, victim: Path) -> None:
        self._victim = str(victim)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (self._victim,)


@pytest.mark.parametrize("form", ["torch", "pickle", "legacy"])
def test_code_is_never_run(form: str, tmp_path: Path) -> None:
    """A checkpoint that would run code when it is unpickled is refused, and runs none."""
    victim = tmp_path / "victim"
    path = tmp_path / "evil.pth"
    evil = {"params": {**files.compact(), "x": _Malice(victim)}}
    if form == "pickle":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(Unusable, match=r"evil\.pth: .*no code was executed"):
        checkpoints.load(path)
    assert not victim.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(suffix: str, tmp_path: Path) -> None:
    """A file that ends early is refused, wherever it ends."""
    path = tmp_path / f"whole{suffix}"
    if suffix == ".pth":
        files.saved(files.compact(), path)
    else:
        save_file(files.compact(), path)
    whole = path.read_bytes()
    short = tmp_path / f"short{suffix}"
    for length in (0, 1, 8, 9, len(whole) // 3, len(whole) - 1):
        short.write_bytes(whole[:length])
        with pytest.raises(Unusable, match="short"):
            checkpoints.load(short)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04", b"\0" * 8 + b"{"]))
def test_noise_is_refused(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, start: bytes
) -> None:
    """Anything other than a checkpoint raises Unusable."""
    path = tmp_path_factory.getbasetemp() / "noise.pth"
    path.write_bytes(start + noise)
    with pytest.raises(Unusable):
        checkpoints.load(path)


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files above the limit are not loaded, nor those that unpack to more."""
    monkeypatch.setattr(weights, "MAX_BYTES", 10_000)
    (tmp_path / "large.pth").write_bytes(bytes(10_001))
    with pytest.raises(Unusable, match="more than 10000 bytes"):
        checkpoints.load(tmp_path / "large.pth")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(1_000_000))
    with pytest.raises(Unusable, match="unpacks to more than 10000 bytes"):
        checkpoints.load(tmp_path / "bomb.pth")


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (files.compact(channels=1), "maps 1 channels to 1"),
        (files.compact(channels=4), "maps 4 channels to 4"),
        (files.compact(8), "enlarges 8 times"),
        ({"fc.weight": torch.zeros(3, 3)}, "no architecture"),
        ({"params": {**files.compact(), "body.99999.weight": torch.zeros(1)}}, "more layers"),
        ({**files.compact(), "body.0.bias": torch.zeros(5)}, "inconsistent"),
        (
            {**files.compact(), "body.0.bias": torch.full((8,), torch.nan)},
            "not return a finite image",
        ),
        ({**files.compact(), "iteration": 5}, "named weights alone"),
        ({}, "named weights alone"),
        ([1, 2], "named weights alone"),
    ],
)
def test_other_networks_are_refused(held: object, reason: str, tmp_path: Path) -> None:
    """Networks other than RGB restorers are refused with name and reason."""
    path = files.saved(held, tmp_path / "other.pth")
    with pytest.raises(Unusable, match=rf"other\.pth: .*{reason}"):
        checkpoints.load(path)


def test_weights_that_claim_to_be_huge_are_refused(tmp_path: Path) -> None:
    """A small file whose tensors repeat one number a billion times is not built."""
    state = {**files.compact(), "body.0.bias": torch.zeros(1).expand(1 << 30)}
    path = files.saved(state, tmp_path / "huge.pth")
    assert path.stat().st_size < 100_000
    with pytest.raises(Unusable, match="its weights have more than"):
        checkpoints.load(path)


def test_networks_for_other_purposes_are_refused() -> None:
    """A network that draws faces is refused, whatever its channels."""
    found = recognition.recognize(files.compact())
    found._purpose = "FaceSR"
    with pytest.raises(Unusable, match="not for super-resolution but for FaceSR"):
        recognition._fits(found, recognition._spandrel())


@pytest.mark.parametrize("name", ["missing.pth", "."])
def test_what_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """A path without a file reports the system's reason."""
    with pytest.raises(Unusable, match=r"cannot be read: (No such file|Is a directory)"):
        checkpoints.load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "state", "reach"),
    [
        ("real-esrgan-x4plus", files.rrdb(4, blocks=1), lambda blocks: 15 * blocks + 4),
        ("real-esrgan-x2plus", files.rrdb(2, blocks=1), lambda blocks: 2 * (15 * blocks + 4)),
    ],
)
def test_cards_tell_how_far_networks_look(
    name: str, state: files.State, reach: Callable[[int], int]
) -> None:
    """A result depends on pixels as far away as the card says, which has 23 blocks, not further."""
    network = recognition.recognize(state)
    side, shortened = 96, 8
    image = torch.rand((1, 3, side, shortened), generator=torch.Generator().manual_seed(2))
    image.requires_grad_()
    result = network.model(image)
    furthest = 0
    for small in range(side // 2, side // 2 + 2):  # pixels of both kinds, where they are shuffled
        for row in range(small * network.scale, (small + 1) * network.scale):
            (slope,) = torch.autograd.grad(result[0, :, row].sum(), image, retain_graph=True)
            rows = slope.abs().sum(dim=(0, 1, 3)).nonzero()
            furthest = max(furthest, small - int(rows.min()), int(rows.max()) - small)
    assert furthest == reach(1)
    assert reach(23) == named(name).receptive_field


@pytest.mark.skipif(not _GENUINE.exists(), reason="no genuine checkpoint is beside the checkout")
def test_a_genuine_checkpoint_loads() -> None:
    """A file as its authors' program wrote it is recognized."""
    found = checkpoints.load(_GENUINE)
    assert (found.architecture, found.scale, found.reach) == ("RealESRGAN Compact", 4, 18)
    assert found.parameters == 621_424
    data = io.BytesIO(_GENUINE.read_bytes())
    assert found.sha256 == hashlib.file_digest(data, "sha256").hexdigest()
