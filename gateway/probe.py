"""Ask a running gateway whether it is alive: ``python -m gateway.probe``, for containers.

It reads the configuration that the gateway reads, and so knows where to ask and with which token.
"""

import http.client
import os
import sys
from http import HTTPStatus
from ipaddress import ip_address

import models
from config import Admin, ConfigError, config_path, load

_TIMEOUT_S = 4.0


def main() -> int:
    """Ask, and say what is wrong if anything is.

    Returns:
        0 when the gateway answers that it is alive, else 1.
    """
    try:
        settings = load(config_path(os.environ), environ=os.environ, known_restorers=models.NAMES)
        problem = _problem(settings.admin)
    except (ConfigError, OSError, http.client.HTTPException) as error:
        problem = str(error)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return int(problem is not None)


def _problem(admin: Admin) -> str | None:
    if admin.address is None:
        return "nothing to ask: set admin.listen, for example to 127.0.0.1:9001"
    host, port = admin.address
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=_TIMEOUT_S)
    token = admin.token.get_secret_value() if admin.token else None
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", "/_slimgate/healthz", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"answered with {status}"


def _reachable(host: str) -> str:
    """Give an address to connect to where one to listen on means all of them."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


if __name__ == "__main__":
    sys.exit(main())
