"""Replace a rendition by its original, from where originals are kept."""

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.drain import write_back
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.storage import metadata, snapshot
from slimgate.gateway.storage.originals import Missing


async def restore_original(tools: Tools, place: Place, uploaded: Place, *, dry_run: bool) -> str:
    """Restore one original.

    Args:
        tools: Client and policies, which say where originals are kept.
        place: The managed object.
        uploaded: Where it was uploaded; differs if the object is a copy.
        dry_run: Whether to write nothing.

    Returns:
        A sentence about the result.

    Raises:
        NoOriginal, Refused, Changed, Denied, S3Error: Nothing was written.
    """
    policy = tools.policies.match(uploaded.bucket, uploaded.key)
    if policy is None:
        raise Missing(f"no policy of the configuration is for {uploaded}")
    seen = await snapshot.take(tools.client, place.target, tools.seals)
    if seen.manifest is None:
        raise Missing(f"{place} is plain: it is what was uploaded, or was restored already")
    metadata.repeated(seen.headers)
    data = await tools.archive.fetch(tools.client, policy.originals, uploaded.target, seen.manifest)
    if dry_run:
        return f"{place} would be the upload of {len(data):,} bytes again: its MD5 is right"
    await write_back(tools, seen, seen.manifest, data)
    return f"{place} is the upload of {len(data):,} bytes again"
