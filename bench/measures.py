"""The comparisons: transfers, small requests, and listings."""

from collections.abc import Callable, Iterator
from typing import Final

from bench import echo
from bench.client import Load, Unexpected
from bench.stats import Comparison, compare, interleave
from bench.testbed import Bench, buckets, small_photo

KIB: Final = 1 << 10
MIB: Final = 1 << 20

_TRANSFERS: Final = ((1, 15), (64, 7))  # MiB, repetitions
_SMALL_REPETITIONS: Final = 200
_RATE: Final = Load(connections=32, each=60, size=KIB)
_RATE_REPETITIONS: Final = 5
_LIST_KEYS: Final = 1000
_MIXED_MANAGED: Final = 500
_MIXED_PHOTOS: Final = 20
_WARM_REPETITIONS: Final = 15
_COLD_REPETITIONS: Final = 3

Measure = Callable[[Bench], Iterator[Comparison]]


def transfers(bench: Bench) -> Iterator[Comparison]:
    """Compare GET and PUT of plain objects of 1 and 64 MiB."""
    for where, bucket in _plain_buckets(bench):
        with buckets(bench.direct.s3, bucket):
            for mib, repetitions in _TRANSFERS:
                yield from _transfer(bench, where, bucket, mib=mib, repetitions=repetitions)


def bare_transfers(bench: Bench) -> Iterator[Comparison]:
    """Compare the same with a store without costs."""
    for where, bucket in _plain_buckets(bench):
        for mib, repetitions in _TRANSFERS:
            yield from _transfer(bench, where, bucket, mib=mib, repetitions=repetitions)


def _plain_buckets(bench: Bench) -> tuple[tuple[str, str], ...]:
    return (
        ("no policy", bench.bucket("plain", policy=False)),
        ("policy", bench.bucket("plain", policy=True)),
    )


def _transfer(
    bench: Bench, where: str, bucket: str, *, mib: int, repetitions: int
) -> Iterator[Comparison]:
    data, key = bytes(mib * MIB), echo.key_of(mib * MIB)
    sides = {"direct": bench.direct, "gateway": bench.gateway}
    # PUT comes first: it creates the object that GET reads.
    puts = {name: side.put(bucket, key, data) for name, side in sides.items()}
    taken = interleave(puts, repetitions)
    yield compare(f"PUT {mib} MiB", where, taken, per_second=mib, unit="MiB/s")
    gets = {name: side.get(bucket, key, len(data)) for name, side in sides.items()}
    taken = interleave(gets, repetitions)
    yield compare(f"GET {mib} MiB", where, taken, per_second=mib, unit="MiB/s")


def small_requests(bench: Bench) -> Iterator[Comparison]:
    """Compare GET of 1 KiB: sequentially, and over many connections."""
    for where, bucket in _plain_buckets(bench):
        with buckets(bench.direct.s3, bucket):
            bench.direct.put(bucket, echo.key_of(KIB), bytes(KIB))()
            yield from _small(bench, where, bucket)


def bare_small_requests(bench: Bench) -> Iterator[Comparison]:
    """Compare the same with a store without costs."""
    for where, bucket in _plain_buckets(bench):
        yield from _small(bench, where, bucket)


def _small(bench: Bench, where: str, bucket: str) -> Iterator[Comparison]:
    key = echo.key_of(KIB)
    sides = {"direct": bench.direct, "gateway": bench.gateway}
    single = {name: side.get(bucket, key, KIB) for name, side in sides.items()}
    yield compare("GET 1 KiB", where, interleave(single, _SMALL_REPETITIONS))
    many = {name: side.many(bucket, key, _RATE) for name, side in sides.items()}
    taken = interleave(many, _RATE_REPETITIONS)
    what = f"GET 1 KiB x{_RATE.connections}"
    yield compare(what, where, taken, per_second=_RATE.requests, unit="1/s")


def plain_listings(bench: Bench) -> Iterator[Comparison]:
    """Compare listings of 1,000 plain keys: without a policy, and with a cold and a warm index."""
    names = [bench.bucket(f"list-{number}", policy=True) for number in range(_COLD_REPETITIONS)]
    plain = bench.bucket("list", policy=False)
    with buckets(bench.direct.s3, plain, *names):
        for bucket in (plain, *names):
            _fill(bench, bucket, _LIST_KEYS)
        yield _warm(bench, f"LIST {_LIST_KEYS} keys", "no policy", plain)
        yield _cold(bench, f"LIST {_LIST_KEYS} keys", "policy, cold", names)
        yield _warm(bench, f"LIST {_LIST_KEYS} keys", "policy, warm", names[0])


def mixed_listings(bench: Bench) -> Iterator[Comparison]:
    """Compare listings of 1,000 keys, 500 of them managed."""
    names = [bench.bucket(f"mixed-{number}", policy=True) for number in range(_COLD_REPETITIONS)]
    what, where = f"LIST {_LIST_KEYS} keys", f"{_MIXED_MANAGED} managed"
    with buckets(bench.direct.s3, *names):
        _fill_mixed(bench, names[0])
        for copy in names[1:]:
            _copy_all(bench, names[0], copy)
        yield _cold(bench, what, f"{where}, cold", names)
        yield _warm(bench, what, f"{where}, warm", names[0])


def _warm(bench: Bench, what: str, where: str, bucket: str) -> Comparison:
    sides = {"direct": bench.direct.listing(bucket), "gateway": bench.gateway.listing(bucket)}
    return compare(what, where, interleave(sides, _WARM_REPETITIONS))


def _cold(bench: Bench, what: str, where: str, names: list[str]) -> Comparison:
    """Compare first listings: each bucket has only one."""
    direct, gateway = [], []
    for bucket in names:
        direct.append(bench.direct.listing(bucket)())
        gateway.append(bench.gateway.listing(bucket)())
    return compare(what, where, {"direct": direct, "gateway": gateway})


def _fill(bench: Bench, bucket: str, count: int) -> None:
    for number in range(count):
        bench.direct.put(bucket, f"plain/{number:06}", b"x")()


def _fill_mixed(bench: Bench, bucket: str) -> None:
    """Store some photos through the gateway; the rest are copies, also managed."""
    _fill(bench, bucket, _LIST_KEYS - _MIXED_MANAGED)
    keys = [f"photo/{number:06}.png" for number in range(_MIXED_MANAGED)]
    for number, key in enumerate(keys[:_MIXED_PHOTOS]):
        photo = small_photo(number)
        bench.gateway.put(bucket, key, photo)()
        if bench.direct.s3.head_object(Bucket=bucket, Key=key)["ContentLength"] >= len(photo):
            raise Unexpected(f"{key} was stored as uploaded: nothing to measure")
    for number, key in enumerate(keys[_MIXED_PHOTOS:]):
        source = {"Bucket": bucket, "Key": keys[number % _MIXED_PHOTOS]}
        bench.direct.s3.copy_object(Bucket=bucket, Key=key, CopySource=source)


def _copy_all(bench: Bench, source: str, target: str) -> None:
    for entry in bench.direct.s3.list_objects_v2(Bucket=source)["Contents"]:
        name = {"Bucket": source, "Key": entry["Key"]}
        bench.direct.s3.copy_object(Bucket=target, Key=entry["Key"], CopySource=name)
