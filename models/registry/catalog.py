"""The catalog of restorers, and of the networks that shrink for them: frozen cards."""

from collections.abc import Iterable
from typing import Final

from slimgate.models.registry import native
from slimgate.models.registry.cards import Card, Download, Restorer, definition_of

__all__ = [
    "CATALOG",
    "NAMES",
    "RESTORERS",
    "Card",
    "Download",
    "Restorer",
    "chosen",
    "hashed",
    "named",
    "networks",
    "restorer",
]

_RELEASES: Final = "https://github.com/xinntao/Real-ESRGAN/releases"
_DF2K_OST: Final = "DIV2K, Flickr2K and OutdoorSceneTraining, degraded at random"


def _real_esrgan(
    name: str, download: Download, *, scale: int, receptive_field: int, training_data: str
) -> Card:
    """Return the card of a Real-ESRGAN checkpoint; any of them can be reduced to smaller factors.

    The releases publish no digests. These agree with many public records of the files, among them
    package recipes that verify downloads from these URLs.
    """
    return Card(
        name=name,
        scales=tuple(range(2, scale + 1)),
        kind="float",
        definition=definition_of(download.sha256),
        receptive_field=receptive_field,
        licence="BSD-3-Clause",
        source=_RELEASES,
        training_data=training_data,
        download=download,
    )


CATALOG: Final = (
    Card(
        name="bicubic",
        scales=(2, 3, 4),
        kind="integer",
        definition=b"slimgate interpolation 1: bicubic, a = -0.5, 8-bit fixed point",
        receptive_field=2,
        licence="MIT-CMU",
        source="Pillow, Resample.c",
    ),
    Card(
        name="lanczos",
        scales=(2, 3, 4),
        kind="integer",
        definition=b"slimgate interpolation 1: lanczos-3, 8-bit fixed point",
        receptive_field=3,
        licence="MIT-CMU",
        source="Pillow, Resample.c",
    ),
    _real_esrgan(
        "real-esrgan-x4plus",
        Download(
            f"{_RELEASES}/download/v0.1.0/RealESRGAN_x4plus.pth",
            "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
            67_040_989,
        ),
        scale=4,
        receptive_field=349,
        training_data=_DF2K_OST,
    ),
    _real_esrgan(
        "real-esrgan-x2plus",
        Download(
            f"{_RELEASES}/download/v0.2.1/RealESRGAN_x2plus.pth",
            "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
            67_061_725,
        ),
        scale=2,
        receptive_field=698,
        training_data=_DF2K_OST,
    ),
    _real_esrgan(
        "real-esrgan-general-x4v3",
        Download(
            f"{_RELEASES}/download/v0.2.5.0/realesr-general-x4v3.pth",
            "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
            4_885_111,
        ),
        scale=4,
        receptive_field=34,
        training_data="photographs, unspecified",
    ),
    _real_esrgan(
        "realesr-animevideov3",
        Download(
            f"{_RELEASES}/download/v0.2.5.0/realesr-animevideov3.pth",
            "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
            2_504_012,
        ),
        scale=4,
        receptive_field=18,
        training_data="animated films, unspecified",
    ),
    Card(
        name="sagemaker-x4",
        scales=(2, 3, 4),
        kind="float",
        definition=b"slimgate endpoint 1: whatever enlarges four times behind engine.sagemaker",
        receptive_field=16,
        licence="depends on the endpoint",
        source="Amazon SageMaker, such as the Stable Diffusion x4 upscaler of JumpStart",
        training_data="depends on the endpoint",
        endpoint=True,
    ),
    *native.CARDS,
)

RESTORERS: Final = tuple(card for card in CATALOG if card.shrinks is None)
"""Cards of restorers; the others shrink images for them."""

_BY_NAME: Final = {card.name: card for card in RESTORERS}
_BY_HASH: Final = {card.hash: card for card in CATALOG}

_FAMILY: Final = {card.scales[0]: card for card in native.CARDS if card in RESTORERS}

NAMES: Final = frozenset({*_BY_NAME, native.FAMILY})
"""Names allowed in policies."""


def named(name: str) -> Card:
    """Return the card of a restorer by its name in policies.

    Raises:
        LookupError: no card has that name.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(sorted(_BY_NAME))
        raise LookupError(f"unknown restorer {name!r}; choose one of {known}") from None


def hashed(content_hash: str) -> Card:
    """Return the card of a hash in manifests.

    Raises:
        LookupError: this version does not have the restorer.
    """
    try:
        return _BY_HASH[content_hash]
    except KeyError:
        raise LookupError(
            f"no restorer with hash {content_hash}: upgrade to a version that has it"
        ) from None


def chosen(name: str) -> dict[int, str]:
    """Return the restorers that a policy selects, by scale factor.

    Args:
        name: name of a restorer, or of the family of native ones.

    Returns:
        Content hash by scale; scale 1 removes codec artefacts at full size.

    Raises:
        LookupError: the name is unknown.
    """
    if name == native.FAMILY:
        return {scale: card.hash for scale, card in _FAMILY.items()}
    card = named(name)
    return dict.fromkeys(card.scales, card.hash)


def networks(hashes: Iterable[str]) -> set[str]:
    """Return the hashes of the networks among restorers, and of those that shrink for them."""
    cards = [hashed(each) for each in hashes]
    found = {card.hash for card in cards if card.is_network}
    return found | {card.downscaler for card in cards if card.downscaler is not None}


def needed_by(network: str) -> Card:
    """Return the restorer that a network belongs to: itself, or the one that it shrinks for.

    Raises:
        LookupError: this version does not have the network.
    """
    return next((card for card in RESTORERS if card.downscaler == network), hashed(network))


def restorer(content_hash: str) -> Restorer:
    """Load the restorer of a hash.

    Raises:
        LookupError: this version does not have it.
    """
    return hashed(content_hash).load()
