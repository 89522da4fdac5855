"""Take part in mkdocs' build: pages from the top of the project, links, diagrams, settings."""

import json

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from website import diagrams, links, settings

_ASSETS = links.ROOT / "website" / "assets"
_SEARCH = 'data-md-component="search" role="dialog"'
_SCHEMA = links.ROOT / ".slimgate" / "schema.json"  # make docs writes it


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add documents from the top of the project, styles, and files that documents link to."""
    for top, name in links.PAGES.items():
        if files.get_file_from_path(name) is None:
            files.append(File.generated(config, name, abs_src_path=str(links.ROOT / top)))
    found = {f"assets/{path.name}": path for path in _ASSETS.iterdir()}
    for page in files.documentation_pages():
        found.update(links.files(page.src_uri))
    for name, path in found.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page with links of the site, diagrams drawn, and all settings."""
    name = page.file.src_uri
    text = diagrams.drawn(links.rewritten(markdown, name))
    if name == "configuration.md":
        text = settings.with_reference(text, json.loads(_SCHEMA.read_text("utf-8")))
    return text


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return a page whose search has a name, which the theme leaves out."""
    return output.replace(_SEARCH, f'{_SEARCH} aria-label="Search"')
