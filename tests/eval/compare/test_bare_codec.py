from dataclasses import replace

from slimgate.eval.compare.bare_codec import BareCodec, against_avif
from tests.eval import studies


def test_only_images_that_both_store_are_compared() -> None:
    """The sums are those of images with an AVIF file at the floor, under both strategies."""
    study = studies.study()
    alone = {row.image: row for row in study.of("avif-floor") if row.measured}
    alone = {name: row for name, row in alone.items() if row.tier != "plain"}
    rows = [row for row in study.of() if row.measured and row.image in alone]
    expected = BareCodec(
        len(rows), sum(alone[row.image].stored for row in rows), sum(row.stored for row in rows)
    )
    assert rows
    assert against_avif(study) == expected


def test_without_avif_there_is_nothing_to_say() -> None:
    """A study that did not try AVIF has no such comparison."""
    study = studies.study()
    rows = [row for row in study.rows if row.strategy != "avif-floor"]
    assert against_avif(replace(study, rows=tuple(rows))) is None
