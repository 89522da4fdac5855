"""The networks that ship with the package: trained here, exact to the bit on every engine."""

from typing import Final

from models.cards import Card, definition_of

FAMILY: Final = "native"
"""What policies call all of them together."""


def _native(scale: int, *, sha256: str, check: str, receptive_field: int) -> Card:
    return Card(
        name=f"{FAMILY}-x{scale}",
        scales=(scale,),
        kind="integer",
        definition=definition_of(sha256),
        receptive_field=receptive_field,
        licence="Apache-2.0",
        source="trained for slimgate; see docs/restorers.md",
        training_data="CLIC 2025 (Unsplash licence), CID22 (CC BY-SA 4.0), camera samples (free)",
        file=f"{FAMILY}-x{scale}.onnx",
        check=check,
    )


CARDS: Final[tuple[Card, ...]] = (
    _native(
        2,
        sha256="d847e1faa45ac0c769a0fdbb880955ab6353627a9ae1a1d77e63df19c5fb51e6",
        check="652ba6f7449c91be9208da5beba221437cb2f14590610ba76d48c8f8ba16e674",
        receptive_field=10,
    ),
)
