"""Follow docs/tutorial.md on a fresh clone, installation included, and print what it takes.

``python -m bench.tutorial --aws PATH`` clones this repository, runs every command of the page in
one shell against an S3 server in memory, and prints the seconds of each step. Only the address and
the keys of step 2 are others.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import boto3

from bench.testbed import Store
from slimgate.eval.demo.servers import bucket_server
from tests.documents import ROOT
from tests.servers.server import free_port
from tests.tutorial import Step, follow

_DOCUMENT: Final = "docs/tutorial.md"
_BUCKET: Final = "tutorial"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 if every step printed what the page shows, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.tutorial", description=__doc__)
    parser.add_argument("--aws", type=Path, required=True, metavar="PATH", help="program aws")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "slimgate"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        done = _followed(clone, options.aws)
    for number, step in enumerate(done):
        print(f"{number:2} {step.seconds:6.1f} s  {step.commands.splitlines()[0]}")
    print(f"   {sum(step.seconds for step in done):6.1f} s  in all")
    return 0 if all(step.as_printed() for step in done) else 1


def _followed(clone: Path, aws: Path) -> list[Step]:
    with bucket_server() as endpoint:
        store = Store(endpoint)
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=store.access_key,
            aws_secret_access_key=store.secret_key,
            region_name=store.region,
        )
        client.create_bucket(Bucket=_BUCKET)
        exports = {
            "STORE": store.endpoint,
            "BUCKET": _BUCKET,
            "AWS_ACCESS_KEY_ID": store.access_key,
            "AWS_SECRET_ACCESS_KEY": store.secret_key,
            "GATEWAY": f"127.0.0.1:{free_port()}",
            "PATH": f"{os.environ['PATH']}:{aws.absolute().parent}",
        }
        return follow(_DOCUMENT, clone, exports, marked=True)


if __name__ == "__main__":
    sys.exit(main())
