"""Run the commands that work without a gateway."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from slimgate.codec.reasons import Refused
from slimgate.config import ConfigError
from slimgate.gateway.jobs import explain, job_commands, ledgers, resources, run_command
from slimgate.gateway.jobs.index_command import fill_index
from slimgate.gateway.jobs.interruption import cancel_on_signals
from slimgate.gateway.jobs.plan import command as plan_command
from slimgate.gateway.jobs.plan.planner import CannotPlan
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.restore_original import restore_original
from slimgate.gateway.jobs.restoring.command import restore
from slimgate.gateway.jobs.state.job_file import NoJob
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.storage.conditional_writes import check_conditional_writes
from slimgate.gateway.storage.errors import Changed, Denied, Gone
from slimgate.gateway.storage.originals import NoOriginal
from slimgate.gateway.telemetry import logs
from slimgate.gateway.workers.pool import Busy

_CHANGED: Final = (
    "the object was changed or deleted meanwhile: nothing was done; run the command again"
)
_FAILURES: Final = (
    Denied, Damaged, Refused, NoOriginal, S3Error, Busy, CannotStart, explain.CannotExplain,
    OSError, ValueError,
)  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run one command.

    Args:
        options: Its parsed arguments.

    Returns:
        0; 1 after a failure or an interruption; 2 for wrong usage.
    """
    logs.configure()
    try:
        return asyncio.run(_stoppable(_TOOLS[options.command](options)))
    except (ConfigError, UsageError, CannotPlan, NoJob) as error:
        return _complain(str(error), 2)
    except Gone:
        return _complain(f"{_object(options)} does not exist", 1)
    except Changed:
        return _complain(_CHANGED, 1)
    except _FAILURES as error:
        return _complain(error.message if isinstance(error, S3Error) else str(error), 1)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return _complain("stopped", 1)


async def _stoppable(command: Coroutine[Any, Any, int]) -> int:
    """Run a command that SIGINT and SIGTERM cancel."""
    cancel_on_signals()
    return await command


def _object(options: argparse.Namespace) -> str:
    """Return what a command is about."""
    about = (getattr(options, name, None) for name in ("place", "image", "job"))
    return str(next(filter(None, about), "the object"))


async def _restore_original(options: argparse.Namespace) -> int:
    async with resources.open_tools(options, jobs=1) as tools:
        if not options.dry_run:
            await check_conditional_writes(tools.client, *options.place)
        uploaded = options.uploaded_as or options.place
        done = await restore_original(tools, options.place, uploaded, dry_run=options.dry_run)
    return _write(f"{done}\n")


async def _explain(options: argparse.Namespace) -> int:
    settings = resources.settings_for_image(options)
    async with resources.tools(settings, options.access_key, jobs=1) as tools:
        lines = await explain.explain(tools, options.image, options.policy)
    return _write("".join(f"{line}\n" for line in lines))


async def _ledger(options: argparse.Namespace) -> int:
    return _write(ledgers.summary(options.files))


async def _job(options: argparse.Namespace) -> int:
    return await _JOB_ACTIONS[options.action](options)


_JOB_ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace], Coroutine[Any, Any, int]]]] = {
    "plan": plan_command.plan,
    "run": run_command.run,
    "status": job_commands.status,
    "pause": job_commands.pause,
    "resume": job_commands.resume,
    "retry-failed": job_commands.retry_failed,
    "report": job_commands.report,
}

_TOOLS: Final[Mapping[str, Callable[[argparse.Namespace], Coroutine[Any, Any, int]]]] = {
    "job": _job,
    "restore": restore,
    "restore-original": _restore_original,
    "explain": _explain,
    "ledger": _ledger,
    "index": fill_index,
}


def _write(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code
