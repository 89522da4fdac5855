"""The command line of ``restore``."""

import argparse
from pathlib import Path
from typing import Final

from slimgate.gateway.jobs.address import SCHEME, Place
from slimgate.gateway.jobs.options import count, place_argument

_SUMMARY: Final = "turn renditions into the files that were uploaded"
_MORE: Final = (
    "Needs no gateway, configuration or network, but the metadata of each object: beside a copied "
    "file, as extended attribute (rclone copy --metadata) or as photo.jpg.json (the output of aws "
    "s3api get-object or head-object). A file is written only if it has the bytes that its "
    "manifest records, and never over another. Repeat the command to go on. To put a kept original "
    "back into its bucket, use slimgate restore-original"
)
_EXAMPLES: Final = """\
slimgate restore copied/ --out restored
slimgate restore copied/ --metadata listing.json --out restored
slimgate restore s3://photos/2025/ --out restored --all
slimgate restore s3://photos --verify
"""


def add_restore(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add ``restore``, and return its parser."""
    tool = tools.add_parser(
        "restore", help=_SUMMARY, description=f"{_SUMMARY}. {_MORE}", epilog=_EXAMPLES
    )
    tool.add_argument(
        "place",
        type=_source,
        metavar="FILE|DIR|s3://BUCKET/PREFIX",
        help="renditions: a file, a folder, an object, or all objects of a prefix",
    )
    where = tool.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="folder for the files")
    where.add_argument("--verify", action="store_true", help="restore everything, but write none")
    tool.add_argument(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="metadata of a folder's files, as rclone lsjson --metadata -R lists them",
    )
    tool.add_argument("--all", action="store_true", help="copy files without a manifest, too")
    tool.add_argument("--force", action="store_true", help="replace files in the folder")
    tool.add_argument(
        "--other-encoder",
        action="store_true",
        help="also write files whose pixels and header are proved, but which today's encoder "
        "writes in other bytes",
    )
    tool.add_argument(
        "--jobs", type=count, metavar="N", help="worker processes (default: one per core)"
    )
    tool.add_argument("--endpoint-url", metavar="URL", help="endpoint of the store, if not AWS")
    return tool


def _source(text: str) -> Path | Place:
    return place_argument(text) if text.startswith(SCHEME) else Path(text)
