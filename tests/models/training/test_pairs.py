"""Tests of training pairs and of the cache that keeps them."""

from pathlib import Path

import numpy as np
import pytest

from slimgate.codec.encoders import coding
from slimgate.codec.image import resample
from slimgate.models.training import pair_cache, pairs
from slimgate.models.training.data_settings import Coding, Data, Degradations
from slimgate.models.training.errors import NoImages, UnreadableImage
from slimgate.models.training.pair_cache import PairCache, Recipe
from tests.models.training.samples import picture, write_pictures

_DATA = Data(
    codings=(Coding(codec="avif", qualities=(60, 60)), Coding(codec="lossless")), variants=4
)


def _recipe(**changes: object) -> Recipe:
    return Recipe(_DATA.model_copy(update=changes), 2, 7)


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    """A folder of other files is an error that names it."""
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(NoImages, match=str(tmp_path)):
        pairs.originals(tmp_path)


def test_originals_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    """Images count wherever they lie, in a stable order."""
    write_pictures(tmp_path / "b", 2)
    write_pictures(tmp_path / "a", 1)
    found = [path.relative_to(tmp_path).as_posix() for path in pairs.originals(tmp_path)]
    assert found == ["a/0.png", "b/0.png", "b/1.png"]


def test_validation_images_stay_apart_when_images_come() -> None:
    """An image moves between both parts only when a new one takes its place."""
    paths = [Path(f"{number}.png") for number in range(20)]
    learning, validating = pairs.split(paths, 5)
    assert (len(learning), len(validating)) == (15, 5)
    assert set(paths) == {*learning, *validating}
    more, kept = pairs.split([*paths, Path("other/new.png")], 5)
    assert len(set(kept) & set(validating)) >= 4
    assert not set(more) & set(kept)


def test_something_is_left_to_learn_from() -> None:
    """A folder of nothing but validation images is refused."""
    with pytest.raises(NoImages, match="3 are reserved"):
        pairs.split([Path("a"), Path("b"), Path("c")], 3)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_lossless_pairs_are_aligned(tmp_path: Path, scale: int) -> None:
    """An uncoded small image is the original shrunk as renditions are, from the same corner."""
    (path,) = write_pictures(tmp_path, 1, side=50).iterdir()
    data = Data(codings=(Coding(codec="lossless"),), variants=1)
    source = pairs.make(path, data, scale=scale, seed=0)
    side = 50 // scale * scale
    margin = (50 - side) // 2
    np.testing.assert_array_equal(
        picture(50, seed=0)[margin : margin + side, margin : margin + side], source.original
    )
    expected = source.original if scale == 1 else resample.downscale(source.original, scale)
    np.testing.assert_array_equal(expected, source.smalls[0].pixels)
    assert (source.smalls[0].level, source.smalls[0].label) == (0, "lossless")


@pytest.mark.parametrize("codec", ["avif", "webp", "jxl", "jpeg"])
def test_coded_pairs_tell_how_coarse_they_are(codec: str) -> None:
    """A coded image is close to its source, and carries its coding level."""
    pixels = picture(40, seed=2)
    small = pairs.coded(pixels, codec, 50, "4:2:0")
    assert coding.level(codec, 50) == small.level > 0
    assert pixels.shape == small.pixels.shape
    assert 0 < np.abs(small.pixels.astype(np.int64) - pixels).mean() < 12


def test_variants_follow_their_weights(tmp_path: Path) -> None:
    """Of four variants of two equally likely codings, two are of each."""
    (path,) = write_pictures(tmp_path, 1).iterdir()
    source = pairs.make(path, _DATA, scale=2, seed=3)
    labels = sorted(small.label.split()[0] for small in source.smalls)
    assert labels == ["avif", "avif", "lossless", "lossless"]


def test_large_originals_are_cut_at_their_centre(tmp_path: Path) -> None:
    """Larger images are cropped equally on all sides."""
    (path,) = write_pictures(tmp_path, 1, side=80).iterdir()
    pixels = pairs.cut(path, 40 * 40, 2)
    np.testing.assert_array_equal(picture(80, seed=0)[20:60, 20:60], pixels)


@pytest.mark.parametrize("processes", [1, 2])
def test_damaged_originals_are_named(tmp_path: Path, processes: int) -> None:
    """An undecodable image raises with its name, in any process."""
    folder = write_pictures(tmp_path / "images", 2)
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: len(whole) // 2])
    cache = PairCache(tmp_path / "cache", processes=processes)
    with pytest.raises(UnreadableImage, match=r"1\.png: .*remove it"):
        cache.load(pairs.originals(folder), _recipe())


def test_degraded_pairs_differ_and_keep_their_size(tmp_path: Path) -> None:
    """With degradations, small images are worse ones of the same size."""
    (path,) = write_pictures(tmp_path, 1).iterdir()
    data = Data(codings=(Coding(codec="lossless"),), variants=2)
    degraded = data.model_copy(update={"degradations": Degradations(share=1)})
    plain, worse = (pairs.make(path, each, scale=2, seed=1) for each in (data, degraded))
    assert plain.smalls[0].pixels.shape == worse.smalls[0].pixels.shape
    assert not np.array_equal(plain.smalls[0].pixels, worse.smalls[0].pixels)
    assert not np.array_equal(worse.smalls[0].pixels, worse.smalls[1].pixels)


def test_some_originals_are_learned_from_softened_as_well(tmp_path: Path) -> None:
    """Copies of a share of the originals follow them, softened before they are shrunk."""
    paths = pairs.originals(write_pictures(tmp_path / "images", 8))
    lossless = {"codings": (Coding(codec="lossless"),), "variants": 1}
    cache = PairCache(tmp_path / "cache")
    sources = cache.load(paths, _recipe(soft=0.5, **lossless))
    soft = sources[len(paths) :]
    assert [path.name for path in pairs.share(paths, 0.5)] == [source.name for source in soft]
    assert 0 < len(soft) < len(paths)
    sharp = {source.name: source for source in sources[: len(paths)]}
    for source in soft:
        assert not np.array_equal(source.original, sharp[source.name].original)
        small = resample.downscale(source.original, 2)
        np.testing.assert_array_equal(small, source.smalls[0].pixels)


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_a_share_of_the_originals_is_about_that(part: float) -> None:
    """A share of none, some or all originals is stable when others are added."""
    paths = [Path(f"{number}.png") for number in range(1000)]
    picked = pairs.share(paths, part)
    assert len(picked) == pytest.approx(1000 * part, abs=60)
    assert picked[:10] == pairs.share([Path("other.png"), *paths], part)[-len(picked) :][:10]


def test_avif_is_tuned_as_the_gateway_may() -> None:
    """Pairs of one quality differ by what the encoder was told to look at."""
    pixels = picture(64, seed=2)
    ssim, psnr = (pairs.coded(pixels, "avif", 30, "4:4:4", tune=each) for each in ("ssim", "psnr"))
    assert not np.array_equal(ssim.pixels, psnr.pixels)
    how = Coding(codec="avif", qualities=(30, 30), subsampling=("4:4:4",))
    random = np.random.default_rng(0)
    drawn = [pairs.code(pixels, how, random).pixels for _ in range(8)]
    for expected in (ssim, psnr):
        assert any(np.array_equal(expected.pixels, each) for each in drawn)


def test_kept_pairs_are_those_that_were_made(tmp_path: Path) -> None:
    """The cache returns every pixel, level and label, and creates them once."""
    paths = pairs.originals(write_pictures(tmp_path / "images", 2))
    cache = PairCache(tmp_path / "cache")
    made = cache.load(paths, _recipe())
    files = {path: path.stat().st_mtime_ns for path in cache.folder.iterdir()}
    again = cache.load(paths, _recipe())
    assert files == {path: path.stat().st_mtime_ns for path in cache.folder.iterdir()}
    for before, after in zip(made, again, strict=True):
        assert before.name == after.name
        np.testing.assert_array_equal(before.original, after.original)
        for one, other in zip(before.smalls, after.smalls, strict=True):
            assert (one.level, one.label) == (other.level, other.label)
            np.testing.assert_array_equal(one.pixels, other.pixels)
    assert pair_cache.data_digest(made) == pair_cache.data_digest(again[::-1])
    assert pair_cache.data_digest(made) != pair_cache.data_digest(made[:1])


def test_processes_make_the_same_pairs(tmp_path: Path) -> None:
    """Two processes fill the cache with the very files that one makes."""
    paths = pairs.originals(write_pictures(tmp_path / "images", 3))
    one, two = PairCache(tmp_path / "one"), PairCache(tmp_path / "two", processes=2)
    for alone, shared in zip(one.load(paths, _recipe()), two.load(paths, _recipe()), strict=True):
        assert alone.name == shared.name
        for before, after in zip(alone.smalls, shared.smalls, strict=True):
            np.testing.assert_array_equal(before.pixels, after.pixels)
    assert {path.name for path in one.folder.iterdir()} == {
        path.name for path in two.folder.iterdir()
    }


@pytest.mark.parametrize(
    "changes", [{"variants": 3}, {"max_pixels": 5000}, {"degradations": Degradations()},
                {"codings": (Coding(codec="avif", tune=("psnr",)),)},
                {"codings": (Coding(codec="webp"),)}],
)  # fmt: skip
def test_whatever_changes_pairs_changes_their_name(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """Pairs of another recipe are never taken for these."""
    (path,) = write_pictures(tmp_path, 1).iterdir()
    assert _recipe().digest(path) != _recipe(**changes).digest(path)


def test_the_folder_of_images_makes_no_difference(tmp_path: Path) -> None:
    """A copy of an image elsewhere shares its pairs."""
    (one,) = write_pictures(tmp_path / "one", 1).iterdir()
    (two,) = write_pictures(tmp_path / "two", 1).iterdir()
    assert _recipe(folder=tmp_path / "one").digest(one) == _recipe().digest(two)


def test_the_cache_is_shared_by_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without another folder, pairs go where the project caches everything."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path / "slimgate/pairs" == pair_cache.default_folder()
