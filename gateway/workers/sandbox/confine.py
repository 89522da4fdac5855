"""Confine a worker process, as far as the kernel can, and say which part it could not."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from slimgate import codec, config, gateway, models
from slimgate.codec.measures import ocr
from slimgate.gateway.workers.sandbox import landlock, privileges, seccomp
from slimgate.gateway.workers.sandbox.kernel import IS_LINUX, Unsupported

Part = Literal["user", "capabilities", "files", "system_calls"]

PARTS: Final[Mapping[Part, str]] = MappingProxyType(
    {
        "user": "workers of root stay root",
        "capabilities": "workers keep the capabilities of the gateway",
        "files": "workers can read the gateway's files (Landlock, Linux 5.13)",
        "system_calls": "workers can use the network and write files (seccomp)",
    }
)
"""The parts of the sandbox, and what is missing without each."""

_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})
_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_LOADER: Final = "/etc/ld.so.cache"
_TESSDATA: Final = ("/usr/share/tesseract-ocr", "/usr/share/tessdata", "/usr/local/share/tessdata")
_NULL: Final = "/dev/null"


def confine(*, programs: bool) -> dict[Part, str]:
    """Confine this process for good: it can compute, and use the connections that it has.

    Args:
        programs: Allow to start the program that reads text.

    Returns:
        The parts that are missing, and why; root lacks nothing else than others.
    """
    if not IS_LINUX:
        return dict.fromkeys(PARTS, "only Linux has it")
    privileges.lower_limits()
    executable = list(_programs()) if programs else []
    parent = os.getppid()
    missing: dict[Part, str] = {}
    code = list(_code())

    def attempt(part: Part, step: Callable[[], None]) -> None:
        try:
            step()
        except Unsupported as error:
            missing[part] = str(error)

    attempt("user", lambda: privileges.become_nobody(code))
    privileges.end_with_parent(parent)
    attempt("capabilities", privileges.drop_capabilities)
    attempt("files", lambda: landlock.restrict((*code, *map(Path, _shared())), executable))
    attempt("system_calls", lambda: seccomp.restrict(programs=programs))
    return missing


def _code() -> Iterator[Path]:
    """Yield the folders of Python and of packages, some of which are imported when needed."""
    paths = sysconfig.get_paths()
    folders = {paths["stdlib"], paths["platstdlib"]}
    folders |= {each for each in sys.path if Path(each).name in _PACKAGES}
    # Other folders of the path may hold more than code, such as a configuration in a checkout.
    for name, module in tuple(sys.modules.items()):
        if "." not in name and name != "__main__":
            folders |= set(getattr(module, "__path__", ()))
    for package in (codec, config, gateway, models):
        folders |= set(package.__path__)
    yield from sorted({Path(each).resolve() for each in folders if Path(each).is_dir()})


def _shared() -> Iterator[str]:
    yield from _LIBRARIES
    yield from filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    yield str(Path(sys.base_prefix, "lib"))
    yield _LOADER


def _programs() -> Iterator[Path]:
    """Yield what the program that reads text consists of."""
    found = shutil.which(ocr.PROGRAM)
    if found is not None:
        yield Path(found).resolve()
    yield from map(Path, (*_LIBRARIES, *_TESSDATA, _NULL))
    if "TESSDATA_PREFIX" in os.environ:
        yield Path(os.environ["TESSDATA_PREFIX"])
