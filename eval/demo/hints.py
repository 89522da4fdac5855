"""Instructions printed by the demo; the commands can be pasted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from slimgate.config import Policy
from slimgate.eval.demo.servers import (
    ACCESS_KEY,
    BUCKET,
    ECONOMY,
    REGION,
    SECRET_KEY,
    Pair,
    demo_policy,
)

GUARDED: Final = "Medical images, maps, documents, screenshots and charts have to be better."
"""What the guards of both policies do."""

_TITLES: Final = {
    "ssimulacra2": "SSIMULACRA2",
    "ssimulacra2_worst": "worst region",
    "orb": "ORB",
}


def policy_line(policy: Policy) -> str:
    """Return what a policy with a fidelity demands."""
    return f"Bucket {policy.bucket!r}, fidelity {policy.fidelity}: {', '.join(demands(policy))}."


def demands(policy: Policy) -> Iterator[str]:
    """Yield what a policy with a fidelity demands, by measure."""
    for name, title in _TITLES.items():
        least = getattr(policy.floor, name)
        if least is not None:
            yield f"{title} >= {least:g}"


def next_steps(page: Path) -> str:
    """Return instructions for after the demo.

    Args:
        page: the demo's page.
    """
    return "\n".join(
        [
            "Next:",
            f"  1. Look at every image before and after, offline: open {page}",
            "  2. Try your own: `make serve` keeps a gateway and a bucket running, with a",
            "     playground at http://127.0.0.1:9001/, until Ctrl-C.",
            "  3. Measure your own: .venv/bin/slimgate eval FOLDER --classes auto --out report",
            "     says what a folder or bucket would save, what it costs, and shows the worst.",
        ]
    )


def welcome(pair: Pair) -> str:
    """Return addresses and example commands."""
    pages = [f"Playground  {pair.playground}  (try an image in the browser)"]
    return "\n".join(
        [
            f"Gateway     {pair.endpoint}",
            *(pages if pair.playground else []),
            f"Bucket      {BUCKET}  (what it actually stores: {pair.upstream}; in memory only)",
            f"Keys        {ACCESS_KEY} / {SECRET_KEY}   region {REGION}",
            policy_line(Policy.model_validate(demo_policy())),
            GUARDED,
            f"Bucket {ECONOMY!r}: the same with the fidelity economy.",
            "",
            "aws:",
            *_aws(pair.endpoint),
            f"  aws --endpoint-url {pair.upstream} s3 ls s3://{BUCKET}/    # the small files",
            "",
            "boto3:",
            f'  s3 = boto3.client("s3", endpoint_url="{pair.endpoint}", region_name="{REGION}",',
            f'      aws_access_key_id="{ACCESS_KEY}", aws_secret_access_key="{SECRET_KEY}")',
            f'  s3.upload_file("photo.jpg", "{BUCKET}", "photo.jpg")',
            "",
            "curl:",
            *_curl(pair.endpoint),
            "",
            "Ctrl-C stops both and deletes all objects. Events of each object:",
        ]
    )


def taken(listen: str, port: int) -> str:
    """Return instructions for a port that is in use."""
    other = f"127.0.0.1:{port + 1}" if port < 65535 else "127.0.0.1:0"
    return (
        f"{listen} is in use by another program. Stop it, or choose another address:\n"
        f"  make serve LISTEN={other}\n"
        f"  slimgate demo --serve --listen {other}"
    )


def _aws(endpoint: str) -> list[str]:
    keys = f"AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}"
    command = f"aws --endpoint-url {endpoint} s3"
    return [
        f"  export {keys} AWS_DEFAULT_REGION={REGION}",
        f"  {command} cp photo.jpg s3://{BUCKET}/",
        f"  {command} ls s3://{BUCKET}/",
        f"  {command} cp s3://{BUCKET}/photo.jpg back.jpg",
    ]


def _curl(endpoint: str) -> list[str]:
    # curl before 8.x (7.88, for example) does not send this header itself.
    signed = f"--aws-sigv4 aws:amz:{REGION}:s3 --user {ACCESS_KEY}:{SECRET_KEY}"
    command = f'  curl {signed} -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \\'
    url = f"{endpoint}/{BUCKET}/photo.jpg"
    return [command, f"      -T photo.jpg {url}", command, f"      -o back.jpg {url}"]
