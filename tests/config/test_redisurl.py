import pytest
from pydantic import SecretStr

from slimgate.config import RedisCacheSettings
from slimgate.config.redisurl import redis_place


@pytest.mark.parametrize(
    ("text", "url", "hosts", "service"),
    [
        ("redis+sentinel://a/s", "redis://any/0?", (("a", 26379),), "s"),
        (
            "rediss+sentinel://u:p%40@a:1,[::1]:2/s-1/3?ssl_cert_reqs=none",
            "rediss://u:p%40@any/3?ssl_cert_reqs=none",
            (("a", 1), ("::1", 2)),
            "s-1",
        ),
        ("redis+cluster://a,b:7", "redis://any?", (("a", 6379), ("b", 7)), ""),
        ("rediss+cluster://:p@a/0", "rediss://:p@any?", (("a", 6379),), ""),
        ("redis://h:1/2", "redis://h:1/2", (), ""),
        ("unix:///run/redis?db=3", "unix:///run/redis?db=3", (), ""),
    ],
)
def test_urls_are_read(
    text: str, url: str, hosts: tuple[tuple[str, int], ...], service: str
) -> None:
    """Topologies, their service, and the user of a URL are distinguished."""
    place = redis_place(text)
    assert (place.url, place.hosts, place.service) == (url, hosts, service)


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://h", "redis://", "redis://h:0", "redis://h:70000", "unix://", "redis://h#f"),
        *("redis://h?socket_timeout=9", "redis://h?db=x", "redis://h?sentinel_password=p"),
        *("redis+sentinel://a", "redis+sentinel:///s", "redis+sentinel://a/s/t", "redis+x://a/s"),
        *("redis+cluster://", "redis+cluster://a/1", "redis+cluster://a,", "redis+cluster://a:0"),
        *("redis+cluster://a:70000", "redis+cluster://a b", "redis+cluster://a\nb"),
        "redis+cluster://" + ",".join(["a"] * 33),
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    """URLs that no client could use are refused at startup."""
    with pytest.raises(ValueError, match=r"redis://host:6379/0"):
        redis_place(text)


def test_passwords_are_masked() -> None:
    """Neither the settings nor what is read of the URL show a password."""
    url = "redis+sentinel://u:a-pass-word@h/s?sentinel_password=a-pass-word-too"
    settings = RedisCacheSettings(url=SecretStr(url))
    assert settings.place is not None
    assert settings.place.sentinel == {"password": "a-pass-word-too"}
    with pytest.raises(ValueError, match="redis://") as caught:
        redis_place(f"{url}&unknown=1")
    assert "a-pass-word" not in f"{settings!r} {settings} {settings.place!r} {caught.value}"
