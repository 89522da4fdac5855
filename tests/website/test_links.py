import re

import pytest

from tests import documents
from website import links


@pytest.mark.parametrize(
    ("text", "page", "expected"),
    [
        ("[a](../ARCHITECTURE.md#limits)", "jobs.md", "[a](architecture.md#limits)"),
        ("[a](jobs.md#plan)", "ray.md", "[a](jobs.md#plan)"),
        ("[a](docs/jobs.md)", "changelog.md", "[a](jobs.md)"),
        ("[a](CONTRIBUTING.md)", "architecture.md", "[a](contributing.md)"),
        ("![a](docs/floors.jpg)", "architecture.md", "![a](floors.jpg)"),
        ("[a](../config/example.yaml)", "jobs.md", "[a](files/config/example.yaml.txt)"),
        ("[a](.ci/run)", "contributing.md", "[a](files/ci/run.txt)"),
        ("[a](../config/helm)", "deploy.md", "a"),
        (
            "[a](https://aws.amazon.com/s3) [b](#c)",
            "jobs.md",
            "[a](https://aws.amazon.com/s3) [b](#c)",
        ),
    ],
)
def test_links_lead_to_pages_of_the_site(text: str, page: str, expected: str) -> None:
    """Documents keep the links that a checkout needs; the site has its own."""
    assert links.rewritten(text, page) == expected


def test_files_that_pages_link_to_are_part_of_the_site() -> None:
    """Sources are shown as text, pages and pictures of docs/ are there already."""
    found = dict(links.files("configuration.md"))
    assert found == {"files/config/example.yaml.txt": links.ROOT / "config" / "example.yaml"}


def test_navigation_has_every_document() -> None:
    """Each document is one page of the site."""
    nav = documents.text("mkdocs.yml").partition("\nnav:\n")[2]
    pages = re.findall(r": (\S+\.md)$", nav, re.MULTILINE)
    named = (each.removeprefix("docs/") for each in documents.DOCUMENTS)
    assert sorted(pages) == sorted({links.PAGES.get(each, each) for each in named})
