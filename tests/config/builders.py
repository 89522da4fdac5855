"""Configurations for tests: the smallest valid one, random valid ones, and files of them."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr

from slimgate.config.base import Frozen
from slimgate.config.loading import load
from slimgate.config.settings import Settings

RESTORERS = frozenset({"lanczos", "native"})
# The same examples on every run, and no deadline that a busy machine could miss.
steady = examples(derandomize=True, deadline=None)

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"


def minimal(**changes: Any) -> dict[str, Any]:
    """Return the smallest valid configuration, with top-level keys added or replaced."""
    document: dict[str, Any] = {
        "upstream": {"endpoint": "http://store:9000"},
        "credentials": [{"access_key": "AKIA", "secret_key": SECRET}],
    }
    return {**document, **changes}


def policy(**changes: Any) -> dict[str, Any]:
    """Return the smallest valid policy, with keys added or replaced."""
    return {"name": "photos", "bucket": "photos-*", "mode": "optimize", **changes}


def settings(**changes: Any) -> Settings:
    """Return validated settings made of the smallest configuration and changes."""
    return Settings.model_validate(minimal(**changes))


def write(folder: Path, text: str) -> Path:
    """Write a configuration file and return its path."""
    path = folder / "slimgate.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load_text(folder: Path, text: str, **environ: str) -> Settings:
    """Load a configuration file that holds the text."""
    return load(write(folder, text), environ=environ, known_restorers=RESTORERS)


def revealed(value: Any) -> Any:
    """Return settings as plain data with secrets in clear, as their owner would write them."""
    if isinstance(value, Frozen):
        return {key: revealed(getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, tuple):
        return [revealed(item) for item in value]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def dump(document: Any) -> str:
    """Return plain data as a file in which every text is quoted."""
    return yaml.dump(document, Dumper=_Quoting, allow_unicode=True)


class _Quoting(yaml.SafeDumper):
    """Writes text in double quotes and repeats what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


_PRINTABLE = st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)
_SECRETS = st.text(_PRINTABLE, min_size=1, max_size=40)
_ACCESS_KEYS = st.from_regex(r"[A-Za-z0-9+=_.:-]{1,20}", fullmatch=True)


def _subset(*values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


_FLOORS = st.fixed_dictionaries(
    {},
    optional={
        "psnr_db": st.floats(1, 99),
        "ssim": st.none() | st.floats(0.01, 1),
        "orb": st.none() | st.floats(0.01, 1),
        "block_psnr_db": st.none() | st.floats(1, 99),
    },
)


@st.composite
def _policies(draw: st.DrawFn, index: int) -> dict[str, Any]:
    tiers = draw(_subset("downscale", "recode"))
    scales = {"scales": draw(_subset(2, 3, 4))} if "downscale" in tiers else {}
    return {
        "name": f"p{index}",
        # The index keeps an earlier policy from taking everything that this one is for.
        "bucket": draw(st.from_regex(r"[a-z0-9.*?-]{1,20}", fullmatch=True)) + str(index),
        "prefix": draw(st.text(st.characters(codec="utf-8"), max_size=20)),
        "types": draw(_subset("image/jpeg", "image/png", "image/webp")),
        "mode": draw(st.sampled_from(["off", "shadow", "optimize"])),
        "tiers": tiers,
        "restorer": draw(st.sampled_from(sorted(RESTORERS))),
        "floor": draw(_FLOORS),
        "protect": draw(st.just([]) | _subset("photo", "document", "chart")),
        "protect_with": draw(st.sampled_from(["recode", "lossless"])),
        "min_saving": draw(st.floats(0, 0.99)),
        "effort": draw(st.sampled_from(["fast", "balanced", "best"])),
        "limits": {
            "max_bytes": draw(st.integers(1, 2**29)),
            "max_pixels": draw(st.integers(1, 10**9)),
            "timeout_s": draw(st.floats(0.1, 600)),
        },
        **scales,
    }


@st.composite
def _credentials(draw: st.DrawFn, access_key: str) -> dict[str, Any]:
    own = {"access_key": access_key, "secret_key": draw(_SECRETS)}
    upstream = {
        "upstream_access_key": draw(_ACCESS_KEYS),
        "upstream_secret_key": draw(_SECRETS),
    }
    return {**own, **(upstream if draw(st.booleans()) else {})}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid configuration as plain data."""
    keys = draw(st.lists(_ACCESS_KEYS, min_size=1, max_size=3, unique=True))
    return minimal(
        listen=draw(st.sampled_from(["127.0.0.1:0", "[::1]:9000", "gateway.example:80"])),
        credentials=[draw(_credentials(key)) for key in keys],
        cache={"max_bytes": draw(st.integers(0, 2**40))},
        engine={"workers": draw(st.just("auto") | st.integers(1, 256))},
        limits={"max_buffered_bytes": draw(st.integers(2**29, 2**40))},
        policies=[draw(_policies(index)) for index in range(draw(st.integers(0, 3)))],
    )
