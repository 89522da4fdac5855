"""Instructions printed by the demo; the commands can be pasted."""

from collections.abc import Iterator
from typing import Final

from config import Floor
from eval.demo.servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Pair

_DEFAULT_ENDPOINT: Final = "http://127.0.0.1:9000"


def policy_line() -> str:
    """Return a description of the demo's policy."""
    return (
        f"Policy: store every image in the bucket {BUCKET!r} as small as the default floor "
        "allows:\n"
        f"{', '.join(_demands())}."
    )


def _demands() -> Iterator[str]:
    titles = {
        "psnr_db": "PSNR >= {:g} dB",
        "ssim": "SSIM >= {:g}",
        "orb": "ORB >= {:g}",
        "block_psnr_db": "worst 64x64 block >= {:g} dB",
        "ssimulacra2": "SSIMULACRA2 >= {:g}",
        "ssimulacra2_worst": "SSIMULACRA2 of the worst 128x128 region >= {:g}",
        "text": "words read again >= {:g}",
    }
    for name, least in Floor().model_dump().items():
        if least is not None:
            yield titles[name].format(least)


def next_steps() -> str:
    """Return instructions for after the demo."""
    return "\n".join(
        [
            "Try it with your own images: `make serve` keeps a gateway and a bucket running on",
            f"{_DEFAULT_ENDPOINT} until Ctrl-C. Then, in another terminal:",
            "",
            *_aws(_DEFAULT_ENDPOINT),
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
            policy_line(),
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
        f"  python -m eval.demo --serve --listen {other}"
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
