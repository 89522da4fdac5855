"""Detect buckets with default retention: their objects are stored unchanged."""

from slimgate.gateway.storage.answer_cache import AnswerCache
from slimgate.gateway.storage.object_client import ObjectClient


async def locks_by_default(client: ObjectClient, bucket: str, known: AnswerCache) -> bool:
    """Return whether a bucket has default retention.

    Args:
        client: Client of the store; without permission to ask, the bucket counts as ordinary.
        bucket: Bucket name.
        known: Answers of the last five minutes.
    """
    answer = known.get(bucket)
    if answer is None:
        answer = await client.lock(bucket)
        known.put(bucket, answer)
    return answer
