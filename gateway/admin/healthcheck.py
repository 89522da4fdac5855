"""Check the health of a running gateway, for containers.

``slimgate healthcheck``

It reads the gateway's configuration for the address and the token.
"""

import http.client
import os
import ssl
import sys
from http import HTTPStatus
from ipaddress import ip_address

from slimgate import models
from slimgate.config import ConfigError, Settings, config_path, load

_TIMEOUT_S = 4.0


def main() -> int:
    """Run the check and print the problem, if any.

    Returns:
        0 if the gateway is alive, else 1.
    """
    try:
        settings = load(config_path(os.environ), environ=os.environ, known_restorers=models.NAMES)
        problem = _problem(settings)
    except (ConfigError, OSError, http.client.HTTPException) as error:
        problem = str(error)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return int(problem is not None)


def _problem(settings: Settings) -> str | None:
    admin = settings.admin
    if admin.address is None:
        return "no admin listener: set admin.listen, for example to 127.0.0.1:9001"
    connection = _connection(settings, *admin.address)
    token = admin.token.get_secret_value() if admin.token else None
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", "/_slimgate/healthz", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"the gateway answered with status {status}"


def _connection(settings: Settings, host: str, port: int) -> http.client.HTTPConnection:
    """Connect to the gateway of this configuration, and to no other."""
    if not settings.admin.tls or settings.tls.files is None:
        return http.client.HTTPConnection(_reachable(host), port, timeout=_TIMEOUT_S)
    # Trust exactly the configured certificate; its host name is that for clients.
    context = ssl.create_default_context(cafile=settings.tls.files[0])
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return http.client.HTTPSConnection(_reachable(host), port, timeout=_TIMEOUT_S, context=context)


def _reachable(host: str) -> str:
    """Return an address to connect to, also for a wildcard listen address."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


if __name__ == "__main__":
    sys.exit(main())
