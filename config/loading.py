"""Load settings from a file and the environment, or report everything that is wrong."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import ValidationError

from slimgate.config.base import CONTRADICTION
from slimgate.config.document import Document, parse_document
from slimgate.config.environment import CONFIG_VARIABLE, override
from slimgate.config.files import read_text
from slimgate.config.problems import MAX_PROBLEMS, ConfigError, Path, Problem, show_path
from slimgate.config.schema import SettingNode
from slimgate.config.settings import Settings

DEFAULT_PATH: Final = "slimgate.yaml"
_MAX_COMPARED: Final = 64
# pydantic's error for a default that depends on an invalid setting.
_CONSEQUENCE: Final = "default_factory_not_called"


def config_path(environ: Mapping[str, str]) -> FilePath:
    """Return the path of the configuration file: SLIMGATE_CONFIG, or slimgate.yaml."""
    return FilePath(environ.get(CONFIG_VARIABLE) or DEFAULT_PATH)


def load(
    path: FilePath, *, environ: Mapping[str, str], known_restorers: frozenset[str]
) -> Settings:
    """Load and validate the configuration.

    Args:
        path: YAML file, at most 1 MiB.
        environ: variables named SLIMGATE_… override single values, or name files with such values.
        known_restorers: names allowed as a policy's restorer.

    Raises:
        ConfigError: the file is unreadable, or the file or a variable is invalid.
    """
    document = parse_document(read_text(path), str(path))
    value, variables, problems = override(document.value, environ)
    settings = None
    try:
        settings = Settings.model_validate(value, context={"known_restorers": known_restorers})
    except ValidationError as error:
        problems += _Reporter(document, variables).problems(error)
    if settings is None or problems:
        raise ConfigError(problems)
    return settings


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Turns validation errors into problems with location and accepted values."""

    document: Document
    variables: Mapping[Path, str]

    def problems(self, error: ValidationError) -> list[Problem]:
        found = error.errors(include_url=False, include_input=False)
        located = [(location(e), e) for e in found]
        inner = {path[:end] for path, _ in located for end in range(len(path))}
        located = [(path, e) for path, e in located if not _is_consequence(path, e, inner)]
        # Suggestions are slow to find; one problem past the limit is enough to say "and more".
        shown = [self._problem(path, e) for path, e in located[: MAX_PROBLEMS + 1]]
        return sorted(shown, key=lambda problem: problem.line or 0)

    def _problem(self, path: Path, error: Any) -> Problem:
        source, line = self._origin(path)
        return Problem(source, line, show_path(path), reason(path, error))

    def _origin(self, path: Path) -> tuple[str, int | None]:
        for length in range(len(path), -1, -1):
            part = path[:length]
            if part in self.variables:
                return self.variables[part], None
            if part in self.document.lines:
                return self.document.source, self.document.lines[part]
        return self.document.source, None


def _is_consequence(path: Path, error: Any, inner: set[Path]) -> bool:
    # A list with only invalid items counts as empty.
    return error["type"] == _CONSEQUENCE or (error["type"] == "too_short" and path in inner)


def location(error: Any) -> Path:
    """Return the path of a setting that pydantic refuses."""
    path: Path = tuple(error["loc"])
    return (*path, *error["ctx"]["at"]) if error["type"] == CONTRADICTION else path


def reason(path: Path, error: Any) -> str:
    """Return why pydantic refuses a setting, and what is accepted.

    Args:
        path: path of the setting.
        error: error of pydantic.
    """
    explain = _REASONS.get(error["type"])
    text = explain(path, error) if explain else str(error["msg"])
    return (
        text.removeprefix("Value error, ")
        .replace("Input should", "must")
        .replace("String should", "must")
    )


def _unknown_key(path: Path, _error: Any) -> str:
    parent = SettingNode.at(path[:-1])
    key = str(path[-1])
    close = difflib.get_close_matches(key[:_MAX_COMPARED], parent.keys if parent else (), n=1)
    return f"unknown key; did you mean '{close[0]}'?" if close else "unknown key"


def _bound(word: str, key: str) -> Callable[[Path, Any], str]:
    def explain(path: Path, error: Any) -> str:
        node = SettingNode.at(path)
        limit = error["ctx"][key]
        return f"must be {word} {node.unit.render(limit) if node and node.unit else limit}"

    return explain


def _fixed(text: str) -> Callable[[Path, Any], str]:
    return lambda _path, _error: text


_REASONS: Final[dict[str, Callable[[Path, Any], str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _fixed("required key is missing"),
    "model_type": _fixed("must be a mapping of keys to values"),
    "tuple_type": _fixed("must be a list"),
    "string_type": _fixed("must be text; a number or a word like true needs quotes"),
    "too_short": _fixed("must not be empty"),
    "too_long": _bound("no longer than", "max_length"),
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
}
