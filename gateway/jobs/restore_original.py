"""Put the upload back in the place of its rendition, from where originals are kept."""

from config import Policies
from gateway.jobs.address import Place
from gateway.jobs.drain import write_back
from gateway.jobs.said import replaceable
from gateway.jobs.store import Store
from gateway.storage.originals import Missing, fetch


async def restore_original(
    store: Store, place: Place, uploaded: Place, policies: Policies, *, dry_run: bool
) -> str:
    """Put one original back.

    Args:
        store: Where object and original are.
        place: The managed object.
        uploaded: Where it was uploaded to; another place when the object is a copy.
        policies: Which originals are kept where.
        dry_run: Whether nothing is to be written.

    Returns:
        A sentence that says what was done.

    Raises:
        NoOriginal, Refused, Changed, Denied, S3Error: It was not done; the object is as it was.
    """
    policy = policies.match(uploaded.bucket, uploaded.key)
    if policy is None:
        raise Missing(f"no policy of the configuration is for {uploaded}")
    seen = await store.look(place.target)
    if seen.manifest is None:
        raise Missing(f"{place} is plain: it is what was uploaded, or was restored already")
    replaceable(seen)
    data = await fetch(store.send, policy.originals, uploaded.target, seen.manifest)
    if dry_run:
        return f"{place} would be the upload of {len(data):,} bytes again: its MD5 is right"
    await write_back(store, seen, seen.manifest, data)
    return f"{place} is the upload of {len(data):,} bytes again"
