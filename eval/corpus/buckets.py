"""Read the images of a bucket; requests only list and get objects."""

from collections.abc import Iterator
from typing import Any, Final

from botocore import session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from slimgate.eval.corpus.corpus import MAX_IMAGES, BadCorpus, Item, is_image

SCHEME: Final = "s3://"
_MANIFEST: Final = "slimgate"  # user metadata of renditions


class Unreadable(Exception):
    """An image cannot be read; the message says why."""


class TooLarge(Unreadable):
    """An image is larger than the policy optimizes."""


def client(endpoint: str | None) -> Any:
    """Return a client with AWS's default credentials: environment, files, or instance role.

    Raises:
        BadCorpus: the configuration of AWS is broken, or the endpoint is not a URL.
    """
    config = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 5})
    try:
        return session.get_session().create_client("s3", endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise BadCorpus(f"cannot reach a bucket: {error}") from error


def read(location: str, s3: Any) -> list[Item]:
    """List the images of ``s3://bucket/prefix``; folders below the prefix are classes.

    Raises:
        BadCorpus: the bucket cannot be listed, or has no images.
    """
    bucket, prefix = split(location)
    try:
        items = list(_listed(s3, bucket, prefix))
    except (BotoCoreError, ClientError) as error:
        hint = "check credentials, region and --endpoint-url"
        raise BadCorpus(f"{location} cannot be listed: {error}; {hint}") from error
    if not items:
        raise BadCorpus(f"{location} contains no images; check the prefix")
    return items


def get(s3: Any, bucket: str, key: str, *, max_bytes: int) -> bytes:
    """Read one object.

    Raises:
        TooLarge: the object exceeds `max_bytes`.
        Unreadable: the object cannot be read, or is a rendition.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            if _MANIFEST in answer["Metadata"]:
                raise Unreadable(
                    "is a rendition; name the gateway with --endpoint-url to measure what it serves"
                )
            if answer["ContentLength"] > max_bytes:
                raise TooLarge(f"larger than the policy's max_bytes ({max_bytes:,})")
            data: bytes = body.read()
            return data
    except (BotoCoreError, ClientError, OSError) as error:
        raise Unreadable(f"cannot be read: {error}") from error


def split(location: str) -> tuple[str, str]:
    """Split ``s3://bucket/prefix`` into bucket and prefix.

    Raises:
        BadCorpus: the bucket is missing.
    """
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise BadCorpus(f"{location!r} has no bucket; write s3://bucket/prefix")
    return bucket, prefix


def _listed(s3: Any, bucket: str, prefix: str) -> Iterator[Item]:
    folder = prefix[: prefix.rfind("/") + 1]
    count = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            key, size = str(entry["Key"]), int(entry["Size"])
            name = key.removeprefix(folder)
            if key.endswith("/") or not is_image(key):
                continue
            count += 1
            if count > MAX_IMAGES:
                raise BadCorpus(
                    f"s3://{bucket}/{prefix} contains more than {MAX_IMAGES:,} images; choose "
                    "a longer "
                    "prefix"
                )
            kind, found, _ = name.partition("/")
            yield Item(name, kind if found else "", size, key)
