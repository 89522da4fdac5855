"""A result in a few values, as JSON: the rows of the table of several images."""

from slimgate.gateway.admin.playground.results import Result


def brief(result: Result, url: str) -> dict[str, str | int | float | None]:
    """Return the values of a result.

    Args:
        result: The result.
        url: Its address.
    """
    found = result.found
    return {
        "url": url,
        "name": result.name,
        "uploaded": len(result.upload),
        "stored": len(result.upload if found is None else found.rendition),
        "tier": "plain" if found is None else found.manifest.stored.tier,
        "codec": None if found is None else found.manifest.stored.codec,
        "score": None if found is None else found.manifest.measured.scores.get("ssimulacra2"),
        "why": None if result.refusal is None else str(result.refusal),
        "seconds": round(result.seconds, 1),
    }
