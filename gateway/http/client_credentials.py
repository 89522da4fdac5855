"""The credentials of clients: those of the configuration, and those of the credentials file."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slimgate.config import Credential, UpstreamCredentials, read_credentials
from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys


@dataclass(frozen=True, slots=True)
class Client:
    """A client.

    Attributes:
        key: Its key.
        upstream: Credentials for the store; None: its own pair.
    """

    key: ClientKey
    upstream: UpstreamCredentials | None


class ClientCredentials:
    """The clients by access key, looked up in constant time.

    Args:
        configured: Credentials of the configuration.
        file: File with more credentials; None: there is none.

    Raises:
        ConfigError: The file is invalid.
    """

    def __init__(self, configured: Collection[Credential], file: str | None = None) -> None:
        self._configured = _clients(configured)
        self._file = None if file is None else Path(file)
        self._from_file = self.read_file()

    @property
    def keys(self) -> ClientKeys:
        """Return the keys of all clients, also of those that a changed file adds."""
        return ClientKeys(self._key)

    def find(self, access_key: str) -> Client | None:
        """Return a client; None: the access key is unknown."""
        return self._configured.get(access_key) or self._from_file.get(access_key)

    @property
    def first(self) -> str | None:
        """Return the first access key, those of the configuration before; None: there is none."""
        return next(iter((*self._configured, *self._from_file)), None)

    def read_file(self) -> Mapping[str, Client]:
        """Return the clients in the file; may take seconds.

        Raises:
            ConfigError: The file is invalid.
        """
        if self._file is None:
            return {}
        return _clients(read_credentials(self._file, self._configured.keys()))

    def replace(self, from_file: Mapping[str, Client]) -> None:
        """Replace the clients of the file."""
        self._from_file = from_file

    def __len__(self) -> int:
        return len(self._configured) + len(self._from_file)

    def _key(self, access_key: str) -> ClientKey | None:
        client = self.find(access_key)
        return None if client is None else client.key


def _clients(credentials: Iterable[Credential]) -> dict[str, Client]:
    return {each.access_key: _client(each) for each in credentials}


def _client(credential: Credential) -> Client:
    token = credential.session_token
    key = ClientKey(
        credential.secret_key.get_secret_value(),
        None if token is None else token.get_secret_value(),
        credential.signature_v2,
    )
    return Client(key, credential.other_upstream)
