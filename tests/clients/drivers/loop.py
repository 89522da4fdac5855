"""How a library is driven that lives in an environment of its own: by lines of JSON.

A driver reads ``{"do": name, "with": {…}}`` and answers ``{"result": …}`` or ``{"error": …}``.
"""

import base64
import json
import sys
import traceback


def serve(store: object) -> None:
    """Call methods of an object, as told on standard input, until that ends."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"result": getattr(store, order["do"])(**order["with"])}
        except Exception:  # noqa: BLE001  # whatever it is, the test has to hear of it
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer, default=_plain) + "\n")
        sys.stdout.flush()


def server() -> tuple[str, str, str]:
    """Return endpoint, access key and secret key of the server, which are the arguments."""
    endpoint, access, secret = sys.argv[1:]
    return endpoint, access, secret


def _plain(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
