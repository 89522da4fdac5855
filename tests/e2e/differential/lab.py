"""One run of a scenario against one server, and everything that came back.

A scenario is a tuple of steps; a step does one thing in a :class:`Lab` and records what came of it.
Arguments of steps may be functions of the lab: :func:`got` looks up what an earlier step gave.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tests.e2e import wire
from tests.servers.server import S3Server

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step.

    Attributes:
        what: The step, for people.
        status: HTTP status; 0 when the client gave up.
        headers: Of the response, lower-case, in alphabetical order.
        content: Parsed fields of a client's call, or the bytes of a raw response.
    """

    what: str
    status: int
    headers: Headers
    content: Any


@dataclass(frozen=True, slots=True)
class Lab:
    """A server with one bucket to try things in.

    Attributes:
        server: The server under test.
        clients: boto3 clients of it: ``main``, ``alt`` (another user) and ``nobody``.
        bucket: A bucket that exists; all labs of a scenario have names of the same length.
        outcomes: What has come of the steps so far.
    """

    server: S3Server
    clients: Mapping[str, Any]
    bucket: str
    outcomes: list[Outcome] = field(default_factory=list)

    def record(self, what: str, status: int, headers: Mapping[str, str], content: object) -> None:
        """Note what came of a step."""
        pairs = sorted((name.lower(), value) for name, value in headers.items())
        self.outcomes.append(Outcome(what, status, tuple(pairs), content))


Step = Callable[[Lab], None]
Scenario = tuple[Step, ...]
Table = Mapping[str, Scenario]

BUCKET: Final = "{bucket}"
"""Stands for the name of the bucket in every string of a step."""


def op(name: str, /, *, by: str = "main", **arguments: Any) -> Step:
    """Call an operation of boto3 on the bucket.

    Args:
        name: Method of the client.
        by: User that calls it.
        arguments: Its arguments; ``Bucket`` is the lab's unless it is given; None gives none.
    """

    def step(lab: Lab) -> None:
        chosen = filled(lab, {"Bucket": BUCKET, **arguments})
        if chosen["Bucket"] is None:
            del chosen["Bucket"]
        status, headers, content = _called(getattr(lab.clients[by], name), chosen)
        lab.record(name, status, headers, content)

    return step


def _called(
    method: Callable[..., Any], arguments: dict[str, Any]
) -> tuple[int, Mapping[str, str], object]:
    try:
        response = method(**arguments)
        if "Body" in response:
            response["Body"] = response["Body"].read()
    except ClientError as error:
        response = error.response
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        # How a client library judges an answer is an outcome, too.
        return 0, {}, type(error).__name__
    about = response["ResponseMetadata"]
    fields = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    return about["HTTPStatusCode"], about["HTTPHeaders"], fields


def raw(
    method: str,
    path: str = "/{bucket}",
    headers: Mapping[str, object] | None = None,
    body: bytes = b"",
    *,
    by: str = "main",
) -> Step:
    """Send a request as bytes.

    Args:
        method: HTTP method.
        path: With the query, percent-encoded.
        headers: More headers; with a signature all of them are signed.
        body: Its body.
        by: User that signs it; ``nobody`` leaves it unsigned.
    """

    def step(lab: Lab) -> None:
        target = filled(lab, path)
        wanted = {"Host": lab.server.host, **filled(lab, headers or {})}
        if by != "nobody":
            keys = lab.server.users[("main", "alt").index(by)]
            wanted = wire.signed(lab.server, method, canonical(target), wanted, keys=keys)
        sent(lab, f"{method} {path}", method, target, wanted, body)

    return step


def unsigned(method: str, path: str, headers: Mapping[str, object], body: bytes = b"") -> Step:
    """Send exactly these headers beside Host, signed or not."""
    return raw(method, path, headers, body, by="nobody")


def presigned(
    name: str, /, *, body: bytes = b"", expires_s: int = 600, **arguments: object
) -> Step:
    """Make a URL with boto3 and use it without any further header.

    Args:
        name: Method of the client.
        body: Body of the request.
        expires_s: How long it is valid.
        arguments: Of the method; ``Method`` is the HTTP method where it is not GET.
    """
    method = str(arguments.pop("Method", "GET"))

    def step(lab: Lab) -> None:
        parameters = filled(lab, {"Bucket": BUCKET, **arguments})
        url = lab.clients["main"].generate_presigned_url(name, parameters, ExpiresIn=expires_s)
        parts = urlsplit(url)
        host = {"Host": lab.server.host}
        sent(lab, f"presigned {name}", method, f"{parts.path}?{parts.query}", host, body)

    return step


def sent(
    lab: Lab, what: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Send a request and record the response."""
    # The library writes text as Latin-1; what was signed is UTF-8.
    octets = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    if method == "POST" and not body:
        octets.setdefault("Content-Length", "0")
    answer = wire.send(lab.server, method, path, octets, body)
    lab.record(what, answer.status, _combined(answer), answer.body)


def canonical(path: str) -> str:
    """Spell a path with its query as it is signed, however it is sent."""
    key, question, query = path.partition("?")
    pairs = [each.partition("=") for each in query.split("&")]
    signed = "&".join(f"{_respelled(n)}{equals}{_respelled(v)}" for n, equals, v in pairs)
    return _respelled(key, "/") + question + signed


def _respelled(text: str, kept: str = "") -> str:
    return quote_from_bytes(unquote_to_bytes(text), safe=f"{kept}~")


def _combined(answer: wire.Answer) -> dict[str, str]:
    names = {name.lower() for name in answer.headers}
    return {name: " | ".join(answer.headers.get_all(name, [])) for name in names}


def got(name: str, index: int = -1, what: str | None = None) -> Callable[[Lab], Any]:
    """Look up a field in what the steps have given so far.

    Args:
        name: Of the field; a dot goes into a field, and a number into a list.
        index: Which of the outcomes that have it.
        what: Only outcomes of this step.
    """

    def look(lab: Lab) -> object:
        first, *rest = name.split(".")
        having = [o.content[first] for o in lab.outcomes
                  if isinstance(o.content, dict) and first in o.content
                  and what in {None, o.what}]  # fmt: skip
        if not having:
            return f"no-{first}"  # the server does not have this feature
        found = having[index]
        for part in rest:
            found = found[int(part) if part.isdigit() else part]
        return found

    return look


def filled(lab: Lab, value: Any) -> Any:
    """Put in what was left open: the bucket's name, and what earlier steps gave."""
    if callable(value):
        return value(lab)
    if isinstance(value, str):
        return value.replace(BUCKET, lab.bucket)
    if isinstance(value, dict):
        return {name: filled(lab, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(lab, inner) for inner in value]
    return value
