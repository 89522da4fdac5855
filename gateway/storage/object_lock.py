"""Buckets that lock every object they get: what lies under retention is stored as it came."""

from gateway.storage.cached_answers import Remembered
from gateway.storage.object_client import ObjectClient


async def locks_by_default(client: ObjectClient, bucket: str, known: Remembered) -> bool:
    """Return whether a bucket puts new objects under retention.

    Args:
        client: On whose behalf; one that may not ask is taken to use an ordinary bucket.
        bucket: Which bucket.
        known: Answers of the last five minutes.
    """
    answer = known.get(bucket)
    if answer is None:
        answer = await client.lock(bucket)
        known.put(bucket, answer)
    return answer
