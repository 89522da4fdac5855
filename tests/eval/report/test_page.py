import dataclasses
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.eval.compare import curves, intervals
from slimgate.eval.compare.intervals import Estimate
from slimgate.eval.compare.rows import Crop, Row
from slimgate.eval.cost import money_prices
from slimgate.eval.report import page
from slimgate.eval.report.page import bytes_view, crops, formatting, points, worst_view
from tests.eval import studies

PRICES = money_prices.load()
CSS = (Path(page.__file__).parent / "assets" / "page.css").read_text()


class Reader(HTMLParser):
    """Reads a page into its elements and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data

    def all(self, name: str) -> Iterator[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return (attributes for tag, attributes in self.elements if tag == name)


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Draw images less often: intervals are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 50)
        yield


def _page(folder: Path, **changes: Any) -> str:
    study = studies.study(**changes)
    return page.write(study, studies.crops(study), folder, PRICES).read_text()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a page."""
    return _page(tmp_path_factory.mktemp("page"))


def test_nothing_is_loaded(source: str) -> None:
    """The page names nothing to load: no address but those in its own text, and images inside."""
    reader = Reader(source)
    addresses = [
        value
        for _, attributes in reader.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster") and value
    ]
    assert addresses
    assert {value[0] for value in addresses} == {"#", "d"}
    assert all(re.match("#[a-z]+(-[0-9]+)?$|data:image/webp;base64,", value) for value in addresses)
    assert "@import" not in source
    assert "url(" not in CSS


def test_only_its_own_script_may_run(source: str) -> None:
    """The policy allows one script and one style sheet by their hashes, and nothing else."""
    policies = [each["content"] for each in Reader(source).all("meta") if "http-equiv" in each]
    (policy,) = policies
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name.startswith("on") for _, each in Reader(source).elements for name in each)
    assert not any("style" in each for _, each in Reader(source).elements)


def test_hostile_names_are_text(source: str) -> None:
    """Names that attack the page are shown, and make no element of it."""
    reader = Reader(source)
    kinds = [each.get("type") for each in reader.all("script")]
    assert kinds == ["application/json", "application/json", None]
    assert '"><script>alert(1)</script>&\\u' in reader.text
    assert "scans & <b>more</b>" in reader.text
    assert list(reader.all("b")) == []
    assert "\u202e" not in source
    assert all(str(each.get("src")).startswith("data:") for each in reader.all("img"))


def test_figures_are_there_without_a_script(source: str) -> None:
    """Headline, tables and money stand in the page itself."""
    text = " ".join(Reader(source).text.split())
    for figure in ("61.0 %", "$23.34", "34.13 dB", "0 of 12", "AVIF at equal bytes", "2 not"):
        assert figure in text
    assert "no image: <truncated>" in text


def test_what_stays_plain_is_summed(source: str) -> None:
    """The table of what stays plain has reasons as text, bytes, and what they cost."""
    section = source.partition('<section id="obstacles">')[2].partition("</section>")[0]
    assert "The file cannot be taken apart (&lt;b&gt;odd&lt;/b&gt;)" in section
    figures = [re.sub(r"\s+", " ", each) for each in re.findall(r'<td class="n">([^<]*)', section)]
    row = figures[figures.index("4") :][:5]
    assert row == ["4", "8.0 MB", "33.3", "6.4 MB", "4.8 MB"]
    assert "No image: &lt;truncated&gt;" in section


def test_bars_have_all_bytes() -> None:
    """The bars of a class are as long as its bytes, on one scale, and lie end to end."""
    rows = [row for row in studies.study().of() if row.measured]
    rows.append(dataclasses.replace(rows[0], image="more.jpg", tier="plain", stored=2_000_000))
    found = bytes_view.view(rows)
    assert found is not None
    whole, *kinds = found.groups
    assert whole.uploaded == sum(each.uploaded for each in kinds) == 26_000_000
    assert whole.stored == sum(each.stored for each in kinds)
    assert [each.uploaded for each in kinds] == [10_000_000, 8_000_000, 8_000_000]
    for group, scale in ((whole, 26_000_000), *((each, 10_000_000) for each in kinds)):
        for bar, size in ((group.before, group.uploaded), (group.after, group.stored)):
            ends = [0.0, *(each.start + each.width for each in bar)]
            assert [each.start for each in bar] == pytest.approx(ends[:-1])
            assert ends[-1] == pytest.approx(100 * size / scale)
    assert found.tiers == ["exact", "recode", "plain"]


def test_each_measure_has_its_own_worst_images(source: str) -> None:
    """The lowest values of each measure are named, and those with a crop link to it."""
    rows = [row for row in studies.study().of() if row.measured]
    found = {each.measure.name: each.found for each in worst_view.lowest(rows)}
    assert list(found) == ["psnr_db", "ssim", "block_psnr_db", "orb"]
    lossy = [row for row in rows if row.tier != "exact"]
    for name, lowest in found.items():
        values = sorted(getattr(row, name) for row in lossy)
        assert [value for value, _ in lowest] == values[:3]
    assert f"<strong>{found['psnr_db'][0][0]:.2f}</strong>" in source
    reader = Reader(source)
    targets = {each.get("id") for _, each in reader.elements}
    links = {str(each["href"])[1:] for each in reader.all("a")}
    assert {each for each in links if each.startswith("piece-")} == {"piece-2"}
    assert links <= targets


def test_every_control_has_a_name(source: str) -> None:
    """Each input is inside a label or named, every image has a text, every table its headers."""
    reader = Reader(source)
    assert all(each.get("alt") for each in reader.all("img"))
    assert all(each.get("scope") for each in reader.all("th"))
    assert len(list(reader.all("label"))) >= len(list(reader.all("input")))
    assert [tag for tag, _ in reader.elements if tag == "main"] == ["main"]
    assert list(reader.all("html")) == [{"lang": "en"}]


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("block", [0, 1], ids=["light", "dark"])
def test_contrast(block: int) -> None:
    """Text has a contrast of 4.5 to its ground, marks one of 3, as WCAG 2.2 level AA asks for."""
    sheet = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[block]
    colours = dict(re.findall(r"--(\w+): (#\w{6});", sheet))
    for name in colours.keys() - {"paper", "faint", "rule"}:
        high, low = sorted((_luminance(colours[name]), _luminance(colours["paper"])), reverse=True)
        least = 4.5 if name in ("ink", "soft", "link", "bad") else 3
        assert (high + 0.05) / (low + 0.05) >= least, name


def test_earlier_page_is_replaced(tmp_path: Path) -> None:
    """A second run leaves one file, the new one."""
    first = _page(tmp_path)
    assert first != _page(tmp_path, seed=8)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_equal_studies_give_equal_pages(tmp_path: Path, source: str) -> None:
    """The page depends on the study alone: it can be made again and compared."""
    assert source == _page(tmp_path)


def test_nothing_measured(tmp_path: Path) -> None:
    """Where no image could be measured, the page says so."""
    rows = tuple(row for row in studies.study().rows if not row.measured)
    study = studies.study(rows=rows)
    text = page.write(study, [], tmp_path, PRICES).read_text()
    assert "Nothing was measured" in text
    assert "None of the 14 images could be measured" in text


def test_one_class_without_a_name(tmp_path: Path) -> None:
    """Where images have no classes, there is one plot and no table of classes."""
    rows = tuple(dataclasses.replace(row, kind="") for row in studies.study().rows)
    text = _page(tmp_path, rows=rows)
    assert 'id="classes"' not in text
    assert [each["kind"] for each in points.plots(studies.study(rows=rows))["plots"]] == [""]


def _many(images: int, kinds: int) -> tuple[Row, ...]:
    some = [row for row in studies.study().rows if row.image.endswith("-03.jpg")]
    return tuple(
        dataclasses.replace(
            row, image=f"{number:06}", kind=f"{number % kinds:03}", psnr_db=34.0 + number / images
        )
        for number in range(images)
        for row in some
    )


def test_large_studies_are_bounded(tmp_path: Path) -> None:
    """A study of 120 classes and thousands of rows still makes a page of a few megabytes."""
    rows = _many(360, 120)
    study = studies.study(rows=rows)
    (one, other) = studies.crops(study)
    tiny = dataclasses.replace(
        other,
        original=other.original[:8, :8],
        served=other.served[:8, :8],
        stored=other.stored[:4, :4],
    )
    text = page.write(study, [one, *[tiny] * 59], tmp_path, PRICES).read_text()
    assert len(text) < 10_000_000
    assert text.count("data-exhibit>") == crops.MAX_EXHIBITS
    assert "36 more are left out" in text
    assert "20 smaller classes are omitted here" in text


def test_points_are_bounded_and_keep_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many images some are drawn, among them the worst of each class."""
    monkeypatch.setattr(points, "MAX_POINTS", 1000)
    data = points.plots(studies.study(rows=_many(600, 2)))
    drawn = sum(len(plot["points"]) for plot in data["plots"])
    assert 1000 >= drawn > 900
    assert {"000000", "000001", "000018", "000019"} <= set(data["images"])
    assert len(json.dumps(data)) < 100 * drawn


def test_points_are_bounded_for_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many classes share the points that a page may have."""
    monkeypatch.setattr(points, "MAX_POINTS", 1000)
    data = points.plots(studies.study(rows=_many(300, 20)))
    assert len(data["plots"]) == 20
    assert 1000 >= sum(len(plot["points"]) for plot in data["plots"]) > 500


def test_measures_that_are_missing_leave_no_gap() -> None:
    """The numbers of a point are those of the measures that the page names, in their order."""
    rows = tuple(dataclasses.replace(row, ssim=None, orb=None) for row in studies.study().rows)
    data = points.plots(studies.study(rows=rows))
    assert [each["name"] for each in data["measures"]] == ["psnr_db", "block_psnr_db"]
    assert {len(point) for plot in data["plots"] for point in plot["points"]} == {8}


def test_exhibits_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images stop before they take more than their share of the page."""
    study = studies.study()
    both = studies.crops(study)
    size = len(crops.within_bounds(both)[0].original)
    monkeypatch.setattr(crops, "MAX_BYTES", 3 * size)
    assert [each.row.image for each in crops.within_bounds(both)] == ["shrunk.png"]


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_states_lie_on_each_other(scale: int) -> None:
    """A crop of a large piece shows the same place in all three states."""
    small = np.arange(200 * 300 * 3, dtype=np.uint32).astype(np.uint8).reshape(200, 300, 3)
    large = small.repeat(scale, axis=0).repeat(scale, axis=1)
    row = dataclasses.replace(studies.study().rows[0], scale=scale)
    cut: list[tuple[int, ...]] = []

    def keep(pixels: Any) -> str:
        cut.append(pixels.shape)
        kept.append(pixels)
        return ""

    kept: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crops, "_data_uri", keep)
        crops.within_bounds([Crop(row, 0, 0, large, small, large + 1)])
    original, _, stored = kept
    assert np.array_equal(original, stored.repeat(scale, axis=0).repeat(scale, axis=1))
    assert original.shape[0] <= crops.SIDE[1]
    assert original.shape[1] <= crops.SIDE[0]


@given(st.text())
def test_foreign_text_is_printable(name: str) -> None:
    """Any name is displayed as one bounded line that can be encoded."""
    found = formatting.text(name)
    found.encode()
    assert found.isprintable()
    assert len(found) <= formatting.NAME_LIMIT


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (formatting.count(1234567), "1,234,567"),
        (formatting.size(999), "999\xa0B"),
        (formatting.size(1_234_567), "1.2\xa0MB"),
        (formatting.size(2e15), "2,000.0\xa0TB"),
        (formatting.percent(0.7349), "73.5\xa0%"),
        (formatting.number(None), "–"),
        (formatting.span(Estimate(0.5, 0.25, 0.75), 0, 100), "25–75"),
        (formatting.span(None), ""),
        (formatting.amount(1234.5, "USD"), "$1,234"),
        (formatting.amount(12.345, "EUR"), "€12.35"),
        (formatting.amount(12.345, "USD", 5000.0), "$12"),
        (formatting.amount(-0.5, "CHF"), "−CHF\xa00.50"),
        (formatting.amount(-0.001, "USD"), "$0.00"),
        (formatting.text("x" * 200, 11), "xxxxx…xxxxx"),
    ],
)
def test_figures_as_people_read_them(found: str, expected: str) -> None:
    """Figures have separators and units, and what is missing is a dash."""
    assert found == expected


def test_curves_stand_in_a_table(tmp_path: Path) -> None:
    """The bytes that codecs need for a score can be read without a script."""
    study = studies.scored()
    page.write(study, studies.crops(study), tmp_path, PRICES)
    text = " ".join(Reader((tmp_path / page.NAME).read_text("utf-8")).text.split())
    assert "Bytes for a score" in text
    all_images, *_ = curves.curves(study)
    for strategy in all_images.needed:
        assert f"{100 * all_images.share(strategy, 70):.1f}" in text


def test_a_page_without_scores_has_no_curves(source: str) -> None:
    """Studies without scores have neither the section nor a link to it."""
    assert 'id="curves"' not in source
    assert 'href="#curves"' not in source
