"""A job as commands open it: its plan, one of its actions, and the rounds of that."""

from dataclasses import dataclass

from slimgate.gateway.jobs import actions
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.state import control
from slimgate.gateway.jobs.state.control import Control
from slimgate.gateway.jobs.state.job_file import JobFile, read_job
from slimgate.gateway.jobs.state.rounds import Round, rounds
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.storage.object_client import ObjectClient


@dataclass(frozen=True, slots=True)
class Job:
    """A planned job.

    Attributes:
        store: Its prefix.
        file: Its plan.
    """

    store: JobStore
    file: JobFile

    async def rounds(self, action: str) -> list[Round]:
        """Return the rounds of an action, in order.

        Args:
            action: Folder of the action.

        Raises:
            Damaged: A round cannot be read.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        return await rounds(self.store, action, self.file.shards, self.file.rows)

    async def begun(self) -> dict[str, Control]:
        """Return the actions that have begun, by their folders.

        Raises:
            Damaged, Denied, S3Error: As :meth:`rounds`.
        """
        found = {}
        for name in actions.FOLDERS:
            state = await control.read(self.store.at(name))
            if state is not None:
                found[name] = state
        return found

    async def the_one(self, name: str | None, *, dry_run: bool) -> str:
        """Return the folder of the action that a command is about.

        Args:
            name: Its name; None: the only one that has begun.
            dry_run: Whether it is the dry run of that name.

        Raises:
            UsageError: It has not begun, or several have.
            Damaged, Denied, S3Error: As :meth:`rounds`.
        """
        begun = await self.begun()
        if name is not None:
            wanted = f"{name}-dry-run" if dry_run else name
            if wanted in begun:
                return wanted
            raise UsageError(f"{wanted} has not begun at {self.store}: begin it with job run")
        if len(begun) == 1:
            return next(iter(begun))
        if not begun:
            raise UsageError(f"nothing has begun at {self.store}: begin with job run")
        raise UsageError(f"several actions have begun ({', '.join(begun)}): choose one with --do")


async def open_job(client: ObjectClient, place: Place) -> Job:
    """Open a planned job.

    Raises:
        NoJob: There is none.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    store = JobStore(client, place)
    return Job(store, await read_job(store))
