import io
from pathlib import Path

import pytest
from PIL import Image

from slimgate.eval.demo import sample_images
from slimgate.eval.demo.sample_images import RECIPES, Recipe


def test_keys_are_distinct() -> None:
    """No image of the demo replaces another one."""
    assert len(RECIPES) == len({recipe.key for recipe in RECIPES})


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.key)
def test_samples_are_what_they_say(recipe: Recipe) -> None:
    """Every image exists without a download, in the format that its type names."""
    sample = sample_images.make(recipe)
    with Image.open(io.BytesIO(sample.data)) as image:
        assert sample.content_type == image.get_format_mimetype()


def test_samples_are_mixed() -> None:
    """All three formats are among them, gray and transparent images, and a progressive JPEG."""
    seen: set[str] = set()
    for recipe in RECIPES:
        with Image.open(io.BytesIO(sample_images.make(recipe).data)) as image:
            seen |= {image.format or "", image.mode}
            seen |= {"progressive"} & set(image.info)
    assert seen == {"JPEG", "PNG", "WEBP", "L", "RGB", "RGBA", "progressive"}


def test_images_are_chosen_by_object_or_source() -> None:
    """A source chooses everything made of it, an object only itself."""
    chosen = sample_images.chosen(["astronaut.png", "coins.jpg"])
    made = ["astronaut.jpg", "astronaut.png", "coins.jpg", "phone_astronaut.jpg"]
    assert [recipe.key for recipe in chosen] == made


def test_no_name_chooses_all() -> None:
    """Without a choice the demo shows every image."""
    assert sample_images.chosen([]) == RECIPES


def test_unknown_names_are_refused() -> None:
    """A misspelt image is an error that lists the names there are."""
    with pytest.raises(
        ValueError, match=r"unknown image astronaut\.gif; choose from astronaut\.jpg, "
    ):
        sample_images.chosen(["astronaut.gif"])


def test_all_images_are_written_into_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes every image under its key, and says where it cannot."""
    assert sample_images.main([str(tmp_path / "new" / "images")]) == 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "new" / "images").iterdir()}
    assert written == {recipe.key: sample_images.make(recipe).data for recipe in RECIPES}
    (tmp_path / "file").touch()
    assert sample_images.main([str(tmp_path / "file")]) == 2
    assert f"{tmp_path / 'file'}: File exists" in capsys.readouterr().err
