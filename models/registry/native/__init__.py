"""Networks that ship with the package, trained for slimgate and bit-exact on every engine."""

from dataclasses import replace
from typing import Final

from slimgate.models.registry.cards import Card, definition_of

FAMILY: Final = "native"
"""Their common name in policies."""


def _native(
    scale: int,
    *,
    sha256: str,
    check: str,
    receptive_field: int,
    edition: int | None = None,
    downscaler: str | None = None,
) -> Card:
    """Return the card of a restorer; the newest edition has no number."""
    name = f"{FAMILY}-x{scale}" + ("" if edition is None else f"-{edition}")
    return replace(
        _card(name, sha256, check, receptive_field), scales=(scale,), downscaler=downscaler
    )


def _downscaler(scale: int, *, sha256: str, check: str, receptive_field: int) -> Card:
    """Return the card of the network that shrinks images for a restorer."""
    name = f"{FAMILY}-x{scale}-downscaler"
    return replace(_card(name, sha256, check, receptive_field), shrinks=scale)


def _card(name: str, sha256: str, check: str, receptive_field: int) -> Card:
    return Card(
        name=name,
        scales=(1,),
        kind="integer",
        definition=definition_of(sha256),
        receptive_field=receptive_field,
        licence="Apache-2.0",
        source="trained for slimgate; see docs/restorers.md",
        training_data="CLIC 2025 (Unsplash licence), CID22 (CC BY-SA 4.0), camera samples (free)",
        file=f"{name}.onnx",
        check=check,
    )


CARDS: Final[tuple[Card, ...]] = (
    _native(
        1,
        sha256="bb4f5c8fdbe5b83f4f7c92dff3ef179e0f12848ed7579298fe643a6fa70a4447",
        check="96f030a06342f074ddcc1ea76f777557098e4dca1c2d6d157aa95f89744cc8e2",
        receptive_field=8,
        edition=1,
    ),
    _native(
        2,
        sha256="fe24d3ab44126c0e7efca77b6a2959cb29717df32062fb03f44fb1760f4d50c0",
        check="86fcc6a43837e5532665fd618474b5f402e663736c279cb1d59b216c916083fd",
        receptive_field=10,
        edition=1,
    ),
    _native(
        1,
        sha256="5c9b5d52a9d6a53c68b4ac7399048a2cd96ab3f0580053332ec6f75c78ec648d",
        check="93b4123b8ac463729a902855249dc0c919d1dac43d5fd0524ac4e5925a86b42f",
        receptive_field=8,
    ),
    _native(
        2,
        sha256="18a4f1f06aad73a0469faa0e0b09ff9dd41036dc89b2c2d86b00e7e75f872863",
        check="a8247d54a87469b9ef98eb3c83f726db56bd163b019463813ea137474c19ea27",
        receptive_field=10,
        edition=2,
    ),
    _native(
        2,
        sha256="d8a7b6591ed2db9d4a1d0f0f5a49135d7921f91e4fe75a6f9220f4ef63a68723",
        check="8fe55a6cde3fb0a826b13e9637afd097e0509221df594b05b73a6d94828b0ed6",
        receptive_field=10,
        edition=3,
    ),
    _native(
        3,
        sha256="9f3476c7f337912eea6336a6e5d5c417d7bd8ce8b5a5870e329781dfc20d331d",
        check="d08e6d80b0d8a4c0f653256f663fbfc7246f19c91eb53c09cdaf6a101617c414",
        receptive_field=10,
        edition=1,
    ),
    _native(
        4,
        sha256="d904ef5387e906f7469661ec717cfe040d864d4de774e5d067b1d6ae7991d8b2",
        check="a2ca83fd5f1ae279593d4bc62e9daa0e8cb1fec06baafee2e38d1461ec610973",
        receptive_field=10,
        edition=1,
    ),
    _native(
        4,
        sha256="84f3632b2e49bd46b1ff3b1458e1a95d30e4f4da05b057c94537648943935db7",
        check="151e7ff289ac712c80631730ed1d40fe052629cd144aee9cec55332c79e0b449",
        receptive_field=10,
    ),
    _downscaler(
        2,
        sha256="bf4740f54e824c96e829d870f7629e893cea3eae2f46d9de05bbc2a9720fe3cc",
        check="c84e24aef3c5e6f4188bd00392af69f5fdf3ac2f3809cc745ec763710e72e0ef",
        receptive_field=6,
    ),
    _native(
        2,
        sha256="6f49d32e3ffc7a47b66121239c1c29ec9becfeff9e4e692b9ee3466db2927c3d",
        check="3fc6be014d3943f287a4e8c52ddca096e5c664eded4263a4aa7ef165763b3857",
        receptive_field=10,
        downscaler="3d2e0e5dc755b37a",
    ),
    _downscaler(
        3,
        sha256="62fb3558a5a47182cb8ed425d2b37bbe56e8abe511b0a9d6497816d9052df261",
        check="427dfe8b177e61b3d73090f0b84871d45a784eb0bd87f8f28277bb0aeab48ab2",
        receptive_field=6,
    ),
    _native(
        3,
        sha256="6a8a9a073e91ddbd890d32debacde76ed408b8558cf9748ddf1754d055f2dbca",
        check="972a45c29c8c0d3515b7445341177798c05859fbb1a923571ced11b2e2c30dd0",
        receptive_field=10,
        downscaler="78c15e890af6fb80",
    ),
)
"""New uploads use the last card of a scale; earlier ones restore objects stored with them."""
