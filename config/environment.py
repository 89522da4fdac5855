"""Environment variables that override single values of the file.

`SLIMGATE_UPSTREAM__ENDPOINT` is `upstream.endpoint`, `SLIMGATE_CREDENTIALS__0__SECRET_KEY` is
`credentials[0].secret_key`. A list may grow by one item at its end. Text settings take the value as
it is; others parse it like an unquoted scalar of the file.

`SLIMGATE_CREDENTIALS__0__SECRET_KEY_FILE` names a file with the value, the way containers get
secrets; a trailing line break is ignored.

pydantic-settings cannot address items of lists (`POLICIES__0__MODE` is ignored or refused), ignores
unknown variables, and does not report which variable a wrong value came from.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any, Final

from slimgate.config.document import plain_scalar
from slimgate.config.files import read_text
from slimgate.config.problems import ConfigError, Path, Problem, show_path
from slimgate.config.schema import SettingNode

PREFIX: Final = "SLIMGATE_"
CONFIG_VARIABLE: Final = "SLIMGATE_CONFIG"
MAX_VARIABLES: Final = 1000
_MAX_INDEX_DIGITS: Final = 5
_IN_FILE: Final = "_FILE"

_UNKNOWN: Final = "unknown variable; levels are separated by two underscores, list items by index"
_CONTAINER: Final = "names several settings; name one of them after two more underscores"
# Kubernetes injects such variables into pods for a service named slimgate.
_INJECTED: Final = "; if Kubernetes made it for a service, set enableServiceLinks: false"


def override(value: Any, environ: Mapping[str, str]) -> tuple[Any, dict[Path, str], list[Problem]]:
    """Override values of a file with the environment.

    Args:
        value: content of the file, modified in place where possible.
        environ: all variables; only names starting with SLIMGATE_ matter.

    Returns:
        The content, the variable behind each path that was set, and problems with variables.
    """
    root = {} if value is None else value
    variables = {name: text for name, text in environ.items() if _is_ours(name)}
    if len(variables) > MAX_VARIABLES:
        return root, {}, [Problem(PREFIX, None, "", f"more than {MAX_VARIABLES} variables")]
    origins: dict[Path, str] = {}
    problems: list[Problem] = []
    # Sorted by path, item 0 of a list precedes item 1, so that a list can grow item by item.
    for path, name in sorted(_paths(variables, problems), key=lambda pair: _order(pair[0])):
        if problem := _set(root, path, name, variables, origins):
            problems.append(problem)
        else:
            origins[path] = name
    return root, origins, problems


def _set(
    root: Any, path: Path, name: str, variables: Mapping[str, str], origins: Mapping[Path, str]
) -> Problem | None:
    """Set the value of one variable; return the problem with it, if any."""
    if path in origins:
        reason = f"{origins[path]} also sets it; remove one of them"
        return Problem(name, None, show_path(path), reason)
    try:
        text = variables[name] if _names_setting(name) else _content(variables[name])
    except ConfigError as error:
        reason = f"the file that it names {error.problems[0].reason}"
        return Problem(name, None, show_path(path), reason)
    node = SettingNode.at(path)
    if _assign(root, path, text if node and node.is_text else plain_scalar(text.strip())):
        return None
    return Problem(name, None, show_path(path), "the file has no such place: check the index")


def _content(file: str) -> str:
    """Return a value from a file, without the line break that editors and `echo` append.

    Raises:
        ConfigError: the file is unreadable, larger than 1 MiB, or not UTF-8.
    """
    return read_text(FilePath(file)).removesuffix("\n").removesuffix("\r")


def _names_setting(name: str) -> bool:
    return not isinstance(_resolve(name.removeprefix(PREFIX).split("__")), str)


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and name != CONFIG_VARIABLE


def _paths(variables: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[Path, str]]:
    for name in variables:
        found = _resolve(name.removeprefix(PREFIX).split("__"))
        if isinstance(found, str) and name.endswith(_IN_FILE):
            found = _resolve(name.removeprefix(PREFIX).removesuffix(_IN_FILE).split("__"))
        if isinstance(found, str):
            hint = _INJECTED if name.startswith(("SLIMGATE_PORT", "SLIMGATE_SERVICE_")) else ""
            problems.append(Problem(name, None, "", found + hint))
        else:
            yield found, name


def _resolve(segments: list[str]) -> Path | str:
    """Return the path of a variable's name parts, or the reason why there is none."""
    node = SettingNode.at(())
    path: Path = ()
    for segment in segments:
        step = _step(segment, is_list=node is not None and node.item is not None)
        node = node.child(step) if node and step is not None else None
        if node is None or step is None:
            return _UNKNOWN
        path = (*path, step)
    return _CONTAINER if node and (node.keys or node.item) else path


def _step(segment: str, *, is_list: bool) -> str | int | None:
    if is_list:
        good = segment.isascii() and segment.isdigit() and len(segment) <= _MAX_INDEX_DIGITS
        return int(segment) if good else None
    return segment.lower() if segment.isupper() else None


def _order(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((step, 0) if isinstance(step, str) else ("", step) for step in path)


def _assign(root: Any, path: Path, value: Any) -> bool:
    """Set a value, creating containers on the way; return whether its place exists."""
    target = root
    for step, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if not _has_place(target, step):
            return False
        target = _entered(target, step, empty)
    if not _has_place(target, path[-1]):
        return False
    _put(target, path[-1], value)
    return True


def _has_place(target: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(target, list) and step <= len(target)
    return isinstance(target, dict)


def _entered(target: Any, step: str | int, empty: Any) -> Any:
    exists = step < len(target) if isinstance(step, int) else step in target
    # A key without a value is null in YAML; it stands for a group with no settings yet.
    if not exists or target[step] is None:
        _put(target, step, empty)
    return target[step]


def _put(target: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and step == len(target):
        target.append(value)
    else:
        target[step] = value
