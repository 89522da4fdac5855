"""Parse YAML with line numbers into plain mappings, lists and scalars.

The accepted subset of YAML 1.2 is one document without tags, anchors and aliases, with the scalars
of the core schema. YAML 1.1, PyYAML's default, would read `mode: off` as false and `12:30` as 750.
Messages never quote the text: misplaced text may be a secret.

PyYAML parses; this module bounds and reads its nodes. ruamel.yaml would supply line numbers, but
the rest would have to be overridden: it quotes both values of a duplicate key, stops at the first
one, expands anchors and merge keys, reads dates, `0x1F` and `1_000` as such, and fails on deep
nesting with RecursionError. It also takes 1.7 times as long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from slimgate.config.problems import ConfigError, Path, Problem, show_path

MAX_FILE_BYTES: Final = 2**20
MAX_DEPTH: Final = 16
MAX_NODES: Final = 100_000

# YAML 1.2.2, section 10.3.2, decimal numbers only; longer ones than any setting needs stay text.
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]{1,32}|[0-9]{1,32}(?:\.[0-9]{0,32})?)(?:[eE][-+]?[0-9]{1,3})?"
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Scalar = str | int | float | bool | None


@dataclass(slots=True)
class Document:
    """The content of a file, and the line of every key and list item, from 1."""

    source: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)


def plain_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar: null, a boolean, a number, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def parse_document(text: str, source: str) -> Document:
    """Parse one YAML document.

    Args:
        text: content of the file.
        source: name of the file in problems.

    Raises:
        ConfigError: invalid YAML, YAML outside the subset, a duplicate key, too deep, or too large.
    """
    root = _compose(text, source)
    document = Document(source, lines={(): 1})
    problems: list[Problem] = []
    if root is not None:
        document.value = _build(root, (), document, problems)
    if problems:
        raise ConfigError(problems)
    return document


class _Loader(yaml.SafeLoader):
    """Composes nodes only, and refuses YAML outside the subset before it is expanded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._check(self.peek_event())  # type: ignore[no-untyped-call]  # the stubs leave it bare
        self._nodes += 1
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _check(self, event: Any) -> None:
        reason = None
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            reason = (
                "anchors and aliases are not accepted; text that begins with & or * needs quotes"
            )
        elif getattr(event, "tag", None) is not None:
            reason = "tags are not accepted; text that begins with ! needs quotes"
        elif self._depth >= MAX_DEPTH:
            reason = f"nested deeper than {MAX_DEPTH} levels"
        elif self._nodes >= MAX_NODES:
            reason = f"more than {MAX_NODES} values"
        if reason:
            raise yaml.MarkedYAMLError(problem=reason, problem_mark=event.start_mark)


def _compose(text: str, source: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _broken(source, line, "a control character is not accepted") from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(source, mark.line + 1 if mark else None, _reason(error)) from None
    except (ValueError, OverflowError):
        # PyYAML passes \UFFFFFFFF to chr(), and version numbers of any length to int().
        raise _broken(source, loader.line + 1, "a number in the YAML syntax is too large") from None
    finally:
        loader.dispose()


def _reason(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "broken"
    # The only message of the parser that quotes text of the file.
    if "tag handle" in problem:
        return "tags are not accepted; text that begins with ! needs quotes"
    if isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return "not valid YAML: " + ", ".join(filter(None, (error.context, problem)))
    return problem


def _broken(source: str, line: int | None, reason: str) -> ConfigError:
    return ConfigError([Problem(source, line, "", reason)])


def _build(node: yaml.Node, path: Path, document: Document, problems: list[Problem]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return plain_scalar(node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            document.lines[*path, index] = _line(item)
            items.append(_build(item, (*path, index), document, problems))
        return items
    return dict(_entries(node, path, document, problems))


def _entries(
    node: yaml.Node, path: Path, document: Document, problems: list[Problem]
) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            reason = "a key must be text"
            problems.append(Problem(document.source, line, show_path(path), reason))
            continue
        at = (*path, key.value)
        if key.value in seen:
            problems.append(Problem(document.source, line, show_path(at), "duplicate key"))
        seen.add(key.value)
        document.lines[at] = line
        yield key.value, _build(value, at, document, problems)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
