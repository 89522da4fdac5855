"""Refuse anonymous requests to buckets that policies name, unless the policies allow them."""

from slimgate.config import Policies
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.s3 import copy_source, headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target


def check_call(policies: Policies, call: Call) -> None:
    """Refuse an anonymous request before anything of it is read, or asked of the store.

    Preflights say nothing of the later request's signature, and pass. Forms carry theirs in their
    fields.

    Raises:
        S3Error: AccessDenied; InvalidArgument for a copy source that is none.
    """
    if call.verified is not None or call.method == "OPTIONS":
        return
    check_target(policies, call.target)
    source = call.headers.get(headers.COPY_SOURCE)
    if source is not None:
        check_target(policies, copy_source.parse(source)[0])


def check_target(policies: Policies, target: Target) -> None:
    """Refuse an anonymous request about an object or a bucket.

    The policy of an object decides. Where none is in force, as for the bucket itself, all policies
    of the bucket do, because listings show keys of all of them.

    Raises:
        S3Error: AccessDenied.
    """
    bucket, key = target.bucket, target.key
    policy = policies.match(bucket, key) if key else None
    deciding = [policy] if policy is not None else policies.for_bucket(bucket)
    if bucket and not all(each.anonymous or each.mode == "off" for each in deciding):
        raise S3Error("AccessDenied")
