"""Lead the links of documents to pages and files of the site.

Documents link as readers of a checkout need it: from ``docs/`` to ``../ARCHITECTURE.md``. The site
has the pages of ``docs/``, the documents at the top in small letters, and the files that documents
link to, as text, below ``files/``.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

PAGES: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.md": "index.md",
}
"""Documents at the top of the project, and their pages."""

_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
_AS_IT_IS: Final = (".jpg", ".png", ".svg")


def source(page: str) -> str:
    """Return the file of a page of the site, relative to the project."""
    tops = {name: top for top, name in PAGES.items() if top != "README.md"}
    return tops.get(page, f"docs/{page}")


def rewritten(text: str, page: str) -> str:
    """Return a document with links as the page of this name in the site needs them."""

    def replace(found: re.Match[str]) -> str:
        image, label, link, anchor = found.groups(default="")
        target = _target(link, page)
        return f"{image}[{label}]({target}{anchor})" if target else label

    return _LINK.sub(replace, text)


def files(page: str) -> Iterator[tuple[str, Path]]:
    """Yield the files outside docs/ that a document links to: name in the site, and path."""
    for _, _, link, _ in _LINK.findall((ROOT / source(page)).read_text("utf-8")):
        path = _path(link, page)
        name = _name(path)
        if name.startswith("files/"):
            yield name, ROOT / path


def _path(link: str, page: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source(page)), link))


def _name(path: str) -> str:
    """Return the name of a file of the project in the site; empty if it has none."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if not (ROOT / path).is_file():
        return ""  # a folder
    shown = path.removeprefix(".").replace("/.", "/")  # mkdocs leaves hidden files out
    return f"files/{shown}" if path.endswith(_AS_IT_IS) else f"files/{shown}.txt"


def _target(link: str, page: str) -> str:
    name = _name(_path(link, page))
    return posixpath.relpath(name, posixpath.dirname(page) or ".") if name else ""
