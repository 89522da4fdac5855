import json

import pytest
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from tests import sbom


@pytest.fixture(scope="module")
def document() -> str:
    """Return the bill as JSON."""
    return JsonV1Dot6(sbom.bill()).output_as_string()


def test_it_is_valid(document: str) -> None:
    """It follows the schema of CycloneDX 1.6, without fields of its own."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_it_names_every_package_of_the_lock(document: str) -> None:
    """No package that runs is missing."""
    found = [canonicalize_name(each["name"]) for each in json.loads(document)["components"]]
    assert sorted(found) == sbom.locked()
    assert len(found) > 20


@pytest.mark.parametrize(
    ("package", "library"),
    [
        ("pillow", "libaom"),
        ("pillow", "libjpeg-turbo"),
        ("pillow", "libwebp"),
        ("imagecodecs", "libjxl"),
        ("pydantic_core", "regex"),  # from the bill inside the wheel
    ],
)
def test_it_names_libraries_inside_wheels(document: str, package: str, library: str) -> None:
    """Advisories are about these, and no version of a package says which one it carries."""
    (found,) = (each for each in json.loads(document)["components"] if each["name"] == package)
    assert library in [inside["name"] for inside in found["components"]]
