"""Every codec that a policy may name is known wherever the search needs to know it."""

from collections.abc import Collection
from typing import Any

import pytest

from slimgate.codec.encoders import NAMES, coding
from slimgate.codec.search import candidates, effort
from slimgate.config.policy import CODECS


@pytest.mark.parametrize(
    "known",
    [NAMES, candidates._LIKELY, effort._ENCODING, {"avif", *coding._LIKE_AVIF}],
    ids=["registry", "order", "work", "coding levels"],
)
def test_tables_have_all_codecs(known: Collection[Any]) -> None:
    """A new codec has a card, a place among the others, and its figures."""
    assert sorted(known) == sorted(CODECS)
