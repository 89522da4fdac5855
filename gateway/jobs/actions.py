"""What a job does to objects."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

from slimgate.config import Engine
from slimgate.gateway.jobs.attempts import Work
from slimgate.gateway.jobs.drain import Drainer
from slimgate.gateway.jobs.evaluation import work as evaluation
from slimgate.gateway.jobs.evaluation.policy import policy_of
from slimgate.gateway.jobs.index import Indexer
from slimgate.gateway.jobs.optimize import Optimizer
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.verify import Verifier

Name = Literal["optimize", "verify", "drain", "index", "eval"]

NAMES: Final[tuple[Name, ...]] = get_args(Name)

FOLDERS: Final = tuple(f"{name}{end}" for name in NAMES for end in ("", "-dry-run"))
"""Folders that actions may have in a job."""


def changes_sizes(folder: str) -> bool:
    """Return whether the action of a folder makes stored objects smaller or larger."""
    return folder.removesuffix("-dry-run") not in {"verify", "index", "eval"}


@dataclass(frozen=True, slots=True)
class Action:
    """What is done to each object.

    Attributes:
        name: Its name.
        dry_run: Whether to write no objects.
        remove_replaced: Whether to delete replaced versions.
        no_originals: Whether drain stores restored files even where originals are kept.
        policy: Name of the policy that eval measures.
    """

    name: Name
    dry_run: bool = False
    remove_replaced: bool = False
    no_originals: bool = False
    policy: str = ""

    @property
    def folder(self) -> str:
        """Return the folder of its state in the job; a dry run has its own."""
        return f"{self.name}-dry-run" if self.dry_run else self.name

    @property
    def writes(self) -> bool:
        """Return whether it writes objects."""
        return self.changes_sizes and not self.dry_run

    @property
    def changes_sizes(self) -> bool:
        """Return whether it makes stored objects smaller or larger; a dry run says by how much."""
        return changes_sizes(self.name)

    @property
    def options(self) -> Mapping[str, bool | str]:
        """Return what must be the same in all runs."""
        if self.name == "eval":
            return {"policy": self.policy}
        return {"remove_replaced": self.remove_replaced, "no_originals": self.no_originals}

    @asynccontextmanager
    async def opened(self, tools: Tools, bucket: str, engine: Engine) -> AsyncIterator[Work]:
        """Open the work on the objects of a bucket for the duration of the block.

        Args:
            tools: Resources of the job.
            bucket: Bucket name.
            engine: Engine of restorers.

        Raises:
            UsageError: There is no such policy.
        """
        if self.name != "eval":
            yield self._work(tools, bucket)
            return
        policy = policy_of(tools.policies, bucket, "", self.policy)
        async with evaluation.opened(tools, bucket, policy, engine) as work:
            yield work

    def _work(self, tools: Tools, bucket: str) -> Work:
        if self.name == "verify":
            return Verifier(tools, bucket)
        if self.name == "index":
            return Indexer.of(tools, bucket)
        if self.name == "optimize":
            return Optimizer(
                tools, bucket, dry_run=self.dry_run, remove_replaced=self.remove_replaced
            )
        return Drainer(
            tools,
            bucket,
            use_originals=not self.no_originals,
            dry_run=self.dry_run,
            remove_replaced=self.remove_replaced,
        )
