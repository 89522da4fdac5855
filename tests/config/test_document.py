from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.document import MAX_DEPTH, MAX_NODES, parse_document, plain_scalar
from slimgate.config.problems import ConfigError, Path
from tests.config.builders import dump, steady


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("007", 7),
        ("0.15", 0.15),
        (".5", 0.5),
        ("34.", 34.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("1e999", float("inf")),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("n", "n"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2024-01-01", "2024-01-01"),
        ("64MiB", "64MiB"),
        ("<<", "<<"),
        ("=", "="),
        ("٣", "٣"),
        ("1" + "0" * 19, 1e19),
        ("9" * 5000, "9" * 5000),
        (" 1", " 1"),
        ("1\n", "1\n"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text: str, expected: Any) -> None:
    """Null, two booleans and decimal numbers are special; everything else is text."""
    value = plain_scalar(text)
    assert (type(value), value) == (type(expected), expected)


TEXT = """\
# comment
listen: "5"

upstream:
  endpoint: http://store
  region:
    a
policies:
  - name: a
    tiers: [x,
      y]
  -
    name: b
"""


def test_values_and_lines_are_read() -> None:
    """Each key and each item of a list has the line that it begins on."""
    document = parse_document(TEXT, "a.yaml")
    expected: dict[Path, int] = {
        (): 1,
        ("listen",): 2,
        ("upstream",): 4,
        ("upstream", "endpoint"): 5,
        ("upstream", "region"): 6,
        ("policies",): 8,
        ("policies", 0): 9,
        ("policies", 0, "name"): 9,
        ("policies", 0, "tiers"): 10,
        ("policies", 0, "tiers", 0): 10,
        ("policies", 0, "tiers", 1): 11,
        ("policies", 1): 13,
        ("policies", 1, "name"): 13,
    }
    assert document.value == yaml.safe_load(TEXT)
    assert document.lines == expected


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "---", "--- ~"])
def test_an_empty_document_is_null(text: str) -> None:
    """A file without content is no error here."""
    assert parse_document(text, "a").value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f:3: a: duplicate key"),
        ("a: {b: 1, b: 1}", "f:1: a.b: duplicate key"),
        ("a:\n - b\n - {c: 1, 'c': 1}", "f:3: a[1].c: duplicate key"),
        ("a: &x 1\nb: *x", "f:1: anchors and aliases are not accepted"),
        ("a: 1\nb: *wJalr", "f:2: anchors and aliases are not accepted"),
        ("a: !!python/object:x {}", "f:1: tags are not accepted"),
        ("a: !secret", "f:1: tags are not accepted"),
        ("a: !e!secret x", "f:1: tags are not accepted"),
        ("[a]: 1", "f:1: a key must be text"),
        ("{a: 1}: 1", "f:1: a key must be text"),
        ("a: 1\nb: [1,\n2", "f:3: not valid YAML: while parsing a flow sequence"),
        ("a: b: c", "f:1: not valid YAML: mapping values are not allowed here"),
        ("a:\n\t- b", "f:2: not valid YAML: while scanning for the next token"),
        ('a: "b', "f:1: not valid YAML: while scanning a quoted scalar"),
        ("a: @b", "f:1: not valid YAML: while scanning for the next token"),
        ("a: 1\n---\nb: 2", "f:2: but found another document"),
        ("a: 1\nb: \x00", "f:2: a control character is not accepted"),
        ("a: 1\nb: \ud800", "f:2: a control character is not accepted"),
        ('a: 1\nb: "\\UFFFFFFFF"', "f:2: a number in the YAML syntax is too large"),
        ("%YAML " + "9" * 5000 + ".1\n---\na", "f:1: a number in the YAML syntax is too large"),
    ],
)
def test_what_is_not_accepted_is_refused_with_its_line(text: str, expected: str) -> None:
    """Broken YAML and YAML outside the subset is refused with line and reason."""
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f")
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("prefix", ["*", "&", "!", "!a!", "@", "%", "`", "{", "[", '"', "'", ": "])
def test_a_secret_that_breaks_yaml_is_not_shown(prefix: str) -> None:
    """No message repeats a value that stands unquoted where it should not."""
    with pytest.raises(ConfigError) as caught:
        parse_document(f"a:\n  secret_key: {prefix}wJalrXUtnFEMI\n", "f")
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert "wJalr" not in shown


def test_all_duplicate_keys_are_reported() -> None:
    """One run shows every duplicate."""
    with pytest.raises(ConfigError) as caught:
        parse_document("a: 1\na: 2\nb: {c: 1, c: 2}", "f")
    assert [problem.path for problem in caught.value.problems] == ["a", "b.c"]


def test_depth_is_bounded() -> None:
    """The deepest accepted document is read, one level more is refused."""
    inside = MAX_DEPTH - 1
    assert parse_document("[" * inside + "1" + "]" * inside, "f").lines[(0,) * inside]
    for text in ("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, "[" * 100_000, "- " * 100_000):
        with pytest.raises(ConfigError, match=f"deeper than {MAX_DEPTH} levels"):
            parse_document(text, "f")


def test_the_number_of_values_is_bounded() -> None:
    """A long list is refused before all of it has been read."""
    with pytest.raises(ConfigError, match=f"more than {MAX_NODES} values"):
        parse_document("[" + "1," * (MAX_NODES + 1) + "]", "f")


_JUNK = st.text(st.sampled_from("ab:- \n\t#&*!%@`[]{},'\"|>?\\~<=0x.\u2028\x85é\x00"), max_size=60)


@steady
@given(_JUNK)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but a configuration error."""
    try:
        lines = parse_document(text, "f").lines
    except ConfigError as error:
        lines = {(): len(error.problems)}
    assert lines[()]


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@steady
@given(_TREES)
def test_dumped_trees_are_read_again(tree: Any) -> None:
    """Quoted text, numbers, booleans and null round-trip."""
    assert tree == parse_document(dump(tree), "f").value
