"""Read the images of a bucket, and never write: only objects are listed and got."""

from collections.abc import Iterator
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from eval.corpus.corpus import MAX_IMAGES, BadCorpus, Item, is_image

SCHEME: Final = "s3://"
_MANIFEST: Final = "slimgate"  # user metadata of objects that a gateway stored small


class Unreadable(Exception):
    """An image cannot be read; the message says why."""


class TooLarge(Unreadable):
    """An image has more bytes than the policy optimizes."""


def client(endpoint: str | None) -> Any:
    """Make a client with the usual credentials: environment, files, or the machine's role.

    Raises:
        BadCorpus: The configuration of boto3 is broken, or the endpoint is no URL.
    """
    config = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 5})
    try:
        return boto3.client("s3", endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise BadCorpus(f"cannot reach a bucket: {error}") from error


def read(location: str, s3: Any) -> list[Item]:
    """List the images of ``s3://bucket/prefix``; folders below the prefix are classes.

    Raises:
        BadCorpus: The bucket cannot be listed, or there is no image in it.
    """
    bucket, prefix = split(location)
    try:
        items = list(_listed(s3, bucket, prefix))
    except (BotoCoreError, ClientError) as error:
        hint = "check credentials, region and --endpoint-url"
        raise BadCorpus(f"{location} cannot be listed: {error}; {hint}") from error
    if not items:
        raise BadCorpus(f"{location} holds no images; check the prefix")
    return items


def get(s3: Any, bucket: str, key: str, *, max_bytes: int) -> bytes:
    """Read one object.

    Raises:
        TooLarge: It is larger than that.
        Unreadable: It cannot be read, or is what a gateway stored.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            if _MANIFEST in answer["Metadata"]:
                raise Unreadable(
                    "is stored small already; name the gateway with --endpoint-url to measure "
                    "what it serves"
                )
            if answer["ContentLength"] > max_bytes:
                raise TooLarge(f"larger than the policy's max_bytes ({max_bytes:,})")
            data: bytes = body.read()
            return data
    except (BotoCoreError, ClientError, OSError) as error:
        raise Unreadable(f"cannot be read: {error}") from error


def split(location: str) -> tuple[str, str]:
    """Take ``s3://bucket/prefix`` apart.

    Raises:
        BadCorpus: It names no bucket.
    """
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise BadCorpus(f"{location!r} names no bucket; write s3://bucket/prefix")
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
                    f"s3://{bucket}/{prefix} holds more than {MAX_IMAGES:,} images; name a longer "
                    "prefix"
                )
            kind, found, _ = name.partition("/")
            yield Item(name, kind if found else "", size, key)
