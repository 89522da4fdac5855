"""Build URLs of the store, which never lead to another host."""

from typing import Final

from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.bucket_name import fits_host_name
from slimgate.gateway.s3.canonical import reencode_query
from slimgate.gateway.s3.routing import Target

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class ForeignHost(Exception):
    """A request would go to another host than the store's: a bug in the gateway."""


class Endpoint:
    """The address of the store, its buckets and objects.

    Args:
        settings: Endpoint and addressing style.
    """

    def __init__(self, settings: UpstreamSettings) -> None:
        base = URL(settings.endpoint)
        self._scheme = base.scheme
        self._host = base.host_subcomponent or ""
        self._port = "" if base.explicit_port is None else f":{base.explicit_port}"
        self._number = base.port or _DEFAULT_PORTS[base.scheme]
        self._virtual = settings.addressing == "virtual"

    def url(self, target: Target, query: str) -> URL:
        """Return the URL of a request.

        Buckets whose name does not fit into a host name are addressed in the path, as botocore
        does.

        Args:
            target: Bucket and key.
            query: Percent-encoded, without ``?``.

        Raises:
            S3Error: InvalidURI for a broken percent escape in the query.
            ForeignHost: The URL would lead elsewhere.
        """
        host, path = self._host, target.path
        if self._virtual and fits_host_name(target.bucket, dots=self._scheme == "http"):
            host, path = f"{target.bucket}.{host}", f"/{target.quoted_key}"
        text = f"{self._scheme}://{host}{self._port}{path}"
        return self.checked(f"{text}?{reencode_query(query)}" if query else text)

    def checked(self, text: str) -> URL:
        """Return a URL if it leads to the store, as the HTTP client parses it.

        Raises:
            ForeignHost: It leads elsewhere.
        """
        url = URL(text, encoded=True)
        ours = (url.scheme, url.port) == (self._scheme, self._number)
        if not ours or "@" in url.raw_authority or not self._owns(url.host_subcomponent or ""):
            raise ForeignHost(f"refused to send a request to {url.scheme}://{url.raw_authority}")
        return url

    def _owns(self, host: str) -> bool:
        bucket = host.removesuffix(f".{self._host}")
        return host == self._host or (
            self._virtual and bucket != host and fits_host_name(bucket, dots=True)
        )
