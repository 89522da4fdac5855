"""What all processes of an action are to do: run, or pause. People and processes change it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal

from slimgate.gateway.jobs.printable import printable
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.storage.errors import Changed

State = Literal["running", "paused", "stopped"]

_NAME: Final = "control.json"
_MAX_BYTES: Final = 1 << 16
_ATTEMPTS: Final = 10
"""Attempts to change it while others do."""


class Differs(Exception):
    """The action was begun with other options; the message says which."""


@dataclass(frozen=True, slots=True)
class Control:
    """What the processes of an action are to do.

    Attributes:
        state: running; paused by a person; or stopped, because too many objects failed.
        reason: Why it is stopped; empty otherwise.
        options: What decides what the action does to an object.
        changes: Number of changes; no two contents are equal, so no two ETags are.
    """

    state: State = "running"
    reason: str = ""
    options: Mapping[str, bool | str] = field(default_factory=dict)
    changes: int = 0


async def begin(
    store: JobStore, options: Mapping[str, bool | str], *, accept: bool = False
) -> Control:
    """Begin an action, or join it.

    Args:
        store: The folder of the action.
        options: What decides what the action does to an object.
        accept: Whether other options than those of earlier runs replace them.

    Returns:
        The control, whose state may be another than running.

    Raises:
        Differs: Earlier runs had other options.
        Damaged: The control object cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    control = Control(options=options)
    try:
        await store.create(_NAME, _dumps(control))
    except Changed:
        found = await read(store)
    else:
        return control
    if found is None or found.options == options:
        return found or control
    if not accept:
        raise Differs(
            f"earlier runs had other options ({_shown(found.options)}): use the same, or accept "
            "the change with --accept-changes"
        )
    return await change(store, options=options)


async def read(store: JobStore) -> Control | None:
    """Return the control of an action; None: it has not begun.

    Raises:
        Damaged: It cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    found = await store.read(_NAME, _MAX_BYTES)
    return None if found is None else _loads(found.data)


async def change(
    store: JobStore,
    state: State | None = None,
    reason: str = "",
    options: Mapping[str, bool | str] | None = None,
) -> Control:
    """Tell all processes of an action what to do; of several reasons to stop the first one counts.

    Args:
        store: The folder of the action.
        state: The new state; None: the same.
        reason: Why it is stopped.
        options: New options; None: the same.

    Raises:
        Changed: The action has not begun, or others change it all the time.
        Damaged, Denied, S3Error: As :func:`read`.
    """
    for _ in range(_ATTEMPTS):
        found = await store.read(_NAME, _MAX_BYTES)
        if found is None:
            break
        old = _loads(found.data)
        if (options is None or options == old.options) and state in {None, old.state}:
            return old
        new = replace(old, changes=old.changes + 1)
        if state is not None:
            new = replace(new, state=state, reason=reason)
        if options is not None:
            new = replace(new, options=options)
        try:
            await store.replace(_NAME, _dumps(new), found.etag)
        except Changed:
            continue
        return new
    raise Changed(f"{store} has not begun, or others change it at the same time")


def _dumps(control: Control) -> bytes:
    return json.dumps(asdict(control)).encode()


def _loads(data: bytes) -> Control:
    try:
        found = Control(**json.loads(data))
    except (TypeError, ValueError, RecursionError) as error:
        raise Damaged(f"{_NAME} cannot be read") from error
    if found.state not in {"running", "paused", "stopped"} or not isinstance(found.options, dict):
        raise Damaged(f"{_NAME} has an unknown state")
    return replace(found, reason=printable(str(found.reason)))


def _shown(options: Mapping[str, bool | str]) -> str:
    chosen = [
        f"--{name.replace('_', '-')}" + (f" {value}" if isinstance(value, str) else "")
        for name, value in options.items()
        if value
    ]
    return printable(" ".join(chosen)) or "none of them"
