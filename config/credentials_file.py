"""The file of clients' credentials, for many keys and for changes without a restart."""

import json
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from slimgate.config.credential import Credential
from slimgate.config.document import MAX_FILE_BYTES, parse_document
from slimgate.config.files import read_text
from slimgate.config.loading import location, reason
from slimgate.config.problems import MAX_PROBLEMS, ConfigError, Problem, show_path

MAX_CREDENTIALS: Final = 100_000
_MAX_BYTES: Final = 1 << 26
_SLICE: Final = 500
"""Credentials to validate at a time: other threads run in between."""

_ITEMS: Final = TypeAdapter(list[Credential])


def read_credentials(path: Path, taken: Collection[str] = ()) -> Iterator[Credential]:
    """Yield the credentials in a file, a list in JSON or YAML.

    YAML has the limits of the configuration file: 1 MiB.

    Args:
        path: File, JSON up to 64 MiB.
        taken: Access keys that it must not contain.

    Raises:
        ConfigError: It is unreadable or invalid; what was yielded before does not count.
    """
    source = str(path)
    rows = _rows(path, source)
    if len(rows) > MAX_CREDENTIALS:
        raise _broken(source, "", f"has more than {MAX_CREDENTIALS:,} credentials")
    seen: set[str] = set()
    remaining = enumerate(rows)
    while part := list(islice(remaining, _SLICE)):
        first = part[0][0]
        for position, each in enumerate(_validated([row for _, row in part], source, first), first):
            if each.access_key in taken:
                why = "is also in credentials: remove one of the two"
                raise _broken(source, f"[{position}].access_key", why)
            if each.access_key in seen:
                why = "is a duplicate; it must be unique"
                raise _broken(source, f"[{position}].access_key", why)
            seen.add(each.access_key)
            yield each


def _rows(path: Path, source: str) -> list[Any]:
    text = read_text(path, _MAX_BYTES)
    try:
        rows = json.loads(text, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        if len(text) > MAX_FILE_BYTES:
            why = f"is larger than {MAX_FILE_BYTES} bytes, and not valid JSON"
            # The exception contains the whole file, secrets included.
            line = getattr(error, "lineno", None)
            raise ConfigError([Problem(source, line, "", why)]) from None
        rows = parse_document(text, source).value
    if not isinstance(rows, list):
        raise _broken(source, "", "must be a list of credentials, as in the setting of that name")
    return rows


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a repeated key")
    return made


def _validated(rows: list[Any], source: str, first: int) -> list[Credential]:
    try:
        return _ITEMS.validate_python(rows)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[: MAX_PROBLEMS + 1]
    raise ConfigError([_problem(source, first, each) for each in found])


def _problem(source: str, first: int, error: Any) -> Problem:
    index, *rest = location(error)
    why = reason(("credentials", index, *rest), error)
    return Problem(source, None, show_path((first + int(index), *rest)), why)


def _broken(source: str, at: str, why: str) -> ConfigError:
    return ConfigError([Problem(source, None, at, why)])
