"""Make boto3 clients that talk to one server and try everything once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.servers.server import Keys, S3Server


@contextmanager
def s3_client(server: S3Server, keys: Keys | None = None, **config: object) -> Iterator[Any]:
    """Return a boto3 client for a while.

    Args:
        server: Whom it talks to.
        keys: Whose keys it signs with; None: the owner's.
        config: More arguments of botocore's ``Config``.
    """
    keys = keys or server.main
    defaults = {"s3": {"addressing_style": "path"}, "retries": {"total_max_attempts": 1}}
    session = boto3.Session(keys.access, keys.secret, keys.token, region_name="us-east-1")
    settings = Config(**{**defaults, "signature_version": "s3v4", **config})
    client = session.client("s3", endpoint_url=server.endpoint, config=settings)
    try:
        yield client
    finally:
        client.close()


def failure(error: ClientError) -> tuple[int, str]:
    """Return status and code of a refusal."""
    response = error.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
