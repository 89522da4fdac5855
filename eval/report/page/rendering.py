"""Render templates to one self-contained file: all text escaped, nothing loaded or sent.

The Content-Security-Policy in the page's head allows, by hash, exactly the embedded script and
style sheet, and embedded images. Markup in a hostile file name is shown as text, and could not run.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from slimgate.eval.report.page import formatting

_FOLDER: Final = Path(__file__).parent / "assets"
_SCRIPTS: Final = ("format.js", "drawing.js", "money.js", "plots.js", "curves.js", "sliders.js")
_FILTERS: Final = (
    formatting.text, formatting.capital, formatting.count, formatting.size, formatting.percent,
    formatting.number, formatting.span, formatting.amount, formatting.pays,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is made of the report's styles and scripts.

    Attributes:
        folder: folder of its template.
        template: name of its template.
        scripts: names of the report's scripts that it needs.
    """

    folder: Path
    template: str
    scripts: Sequence[str]


REPORT: Final = Page(_FOLDER, "report.html", _SCRIPTS)


def render(context: Mapping[str, Any], page: Page = REPORT) -> str:
    """Return a page.

    Args:
        context: variables of its template.
        page: which page.

    Raises:
        jinja2.UndefinedError: a variable is missing.
    """
    environment = Environment(
        loader=FileSystemLoader(page.folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({each.__name__: each for each in _FILTERS})
    style = (_FOLDER / "page.css").read_text("utf-8")
    script = "\n".join((_FOLDER / name).read_text("utf-8") for name in page.scripts)
    return environment.get_template(page.template).render(
        context,
        # Both are our own files, and the only text that is not escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        content_policy=_content_policy(style, script),
    )


def _content_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
