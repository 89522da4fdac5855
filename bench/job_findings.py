"""Judge what a job has done to a bucket, by all requests that have reached the store."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from tests.servers.faulty import Passed

_MANAGED: Final = "managed"
_THEIRS: Final = "theirs"


@dataclass(frozen=True, slots=True)
class Findings:
    """What became of the objects, and what was done in vain.

    Attributes:
        managed: Objects that are the one rendition of their last upload.
        theirs: Objects that are the last upload of another client, which came after the job.
        wrong: All other objects, with what is wrong.
        repeats: Objects whose bytes were read once more, by cause.
    """

    managed: int = 0
    theirs: int = 0
    wrong: Mapping[str, str] = field(default_factory=dict)
    repeats: Counter[str] = field(default_factory=Counter)


def is_replacement(passed: Passed, bucket: str) -> bool:
    """Return whether a request has replaced an object by its rendition."""
    return (
        passed.method == "PUT"
        and passed.if_match != ""
        and passed.status == 200
        and passed.path.startswith(f"/{bucket}/")
    )


def judged(
    passed: Iterable[Passed],
    bucket: str,
    uploads: Mapping[str, Sequence[str]],
    stored: Mapping[str, str],
) -> Findings:
    """Judge all objects.

    Args:
        passed: Requests of the job.
        bucket: Bucket of the objects.
        uploads: ETags of all uploads by key, oldest first.
        stored: ETags of the objects by key, afterwards.
    """
    about = defaultdict[str, list[Passed]](list)
    for each in passed:
        name, _, key = unquote(each.path).removeprefix("/").partition("/")
        if name == bucket and key in uploads:
            about[key].append(each)
    ends = {
        key: _end([p for p in about[key] if is_replacement(p, bucket)], etags, stored.get(key))
        for key, etags in uploads.items()
    }
    kinds = Counter(ends.values())
    repeats = Counter[str]()
    for key, etags in uploads.items():
        repeats.update(_repeats(about[key], overwritten=len(etags) > 1))
    wrong = {key: end for key, end in ends.items() if end not in {_MANAGED, _THEIRS}}
    return Findings(kinds[_MANAGED], kinds[_THEIRS], wrong, repeats)


def _end(replaced: Sequence[Passed], uploads: Sequence[str], stored: str | None) -> str:
    """Return what became of an object.

    Args:
        replaced: Its replacements, in order.
        uploads: ETags of its uploads, oldest first.
        stored: Its ETag; None: it is gone.
    """
    renditions = Counter(each.if_match for each in replaced)
    if stored is None:
        return "lost"
    if any(count > 1 for count in renditions.values()):
        return "an upload has several renditions"
    if not renditions.keys() <= set(uploads):
        return "a rendition was replaced by another one"
    if not renditions[uploads[-1]] and stored == uploads[-1] and len(uploads) > 1:
        return _THEIRS
    if renditions[uploads[-1]] and stored == replaced[-1].etag:
        return _MANAGED
    return "neither the last upload nor its rendition"


def _repeats(about: Sequence[Passed], *, overwritten: bool) -> Counter[str]:
    """Count how often an object was read once more, under the cause of that."""
    reads = sum(each.method == "GET" and each.status == 200 and not each.query for each in about)
    if reads < 2:
        return Counter()
    if any(each.injected for each in about):
        cause = "after 503"
    else:
        cause = "after another client wrote it" if overwritten else "in flight at a kill"
    return Counter({cause: reads - 1})
