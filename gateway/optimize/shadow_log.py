"""Lines of the ledger of shadow policies."""

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Refused
from slimgate.gateway.telemetry.ledger import Line
from slimgate.gateway.workers.client_jobs import Busy


def optimizable(policy: str, name: tuple[str, str], stored_bytes: int, manifest: Manifest) -> Line:
    """Return the line of an upload that would have been optimized.

    Args:
        policy: Policy name.
        name: Bucket and key.
        stored_bytes: Size of the rendition.
        manifest: Its manifest.
    """
    return {**_named(policy, name), **small(stored_bytes, manifest)}


def staying(
    policy: str, name: tuple[str, str], uploaded_bytes: int | None, why: Refused | Busy
) -> Line:
    """Return the line of an upload that would have been stored unchanged.

    Args:
        policy: Policy name.
        name: Bucket and key.
        uploaded_bytes: Size of the upload; None: unknown.
        why: The reason.
    """
    return {**_named(policy, name), **plain(uploaded_bytes, why)}


def small(stored_bytes: int, manifest: Manifest) -> dict[str, str | int | float | None]:
    """Return the fields of an optimized image; arguments as in :func:`optimizable`."""
    stored, measured = manifest.stored, manifest.measured
    return {
        "tier": stored.tier,
        "codec": stored.codec,
        "scale": stored.scale,
        "quality": stored.quality,
        "uploaded_bytes": manifest.size,
        "stored_bytes": stored_bytes,
        "psnr_db": measured.psnr_db,
        "ssim": measured.ssim,
        "orb": measured.orb,
        **measured.scores,
        **({"guard": manifest.guard} if manifest.guard else {}),
        "label": None,
        "reason": None,
    }


def plain(uploaded_bytes: int | None, why: Refused | Busy) -> dict[str, str | int | float | None]:
    """Return the fields of an unchanged image; arguments as in :func:`staying`."""
    nothing = dict.fromkeys(("codec", "scale", "quality"))
    unmeasured = dict.fromkeys(("psnr_db", "ssim", "orb"))
    sizes = {"uploaded_bytes": uploaded_bytes, "stored_bytes": uploaded_bytes}
    reasons = {"label": why.reason.value, "reason": str(why)}
    return {"tier": "plain", **nothing, **sizes, **unmeasured, **reasons}


def _named(policy: str, name: tuple[str, str]) -> dict[str, str]:
    return {"policy": policy, "bucket": name[0], "key": name[1]}
