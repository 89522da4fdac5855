"""Run one target under Atheris: ``python -m fuzz.one NAME [options of libFuzzer] CORPUS``."""

import ast
import sys
from typing import Final

import atheris

from fuzz.target import FOLDER, Target

_MODULES: Final = "MODULES"


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name = sys.argv[1]
    # Whatever is imported inside is instrumented; what was imported before is not.
    with atheris.instrument_imports(include=["fuzz.targets", *_modules(name)]):
        target = Target.named(name)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run)
    atheris.Fuzz()


def _modules(name: str) -> tuple[str, ...]:
    """Return the modules of a target without importing them."""
    tree = ast.parse((FOLDER / "targets" / f"{name}.py").read_text("utf-8"))
    for each in tree.body:
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == _MODULES and each.value:
            found: tuple[str, ...] = ast.literal_eval(each.value)
            return found
    raise LookupError(f"{name} has no {_MODULES}")


if __name__ == "__main__":
    main()
