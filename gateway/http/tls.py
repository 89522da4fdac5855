"""The certificate that clients are shown, taken anew while the gateway serves."""

import ssl
from pathlib import Path

from config import Tls

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Tells whether files have changed: inode, time of change and size of each; None: not there."""


class BadCertificate(Exception):
    """Certificate and key cannot be used; the message says why, and never what is in them."""


class Certificate:
    """A pair of certificate and key; what is wrong with a new one leaves the old one in place.

    Connections keep what they were opened with.

    Args:
        files: Names of both files, PEM.

    Raises:
        BadCertificate: There is none to begin with.
    """

    def __init__(self, files: tuple[str, str]) -> None:
        self._files = files
        self.context = load_context(files)

    def reload(self) -> None:
        """Show what the files hold now from the next connection on.

        Raises:
            BadCertificate: They hold no pair, and the old one stays.
        """
        # Half a pair in the live context would refuse everybody: it is tried in another one first.
        load_context(self._files)
        _load_pair(self.context, self._files)


def load_certificate(tls: Tls) -> Certificate | None:
    """Give what clients are shown; None: http.

    Raises:
        BadCertificate: There is none, though the configuration names one.
    """
    return None if tls.files is None else Certificate(tls.files)


def load_context(files: tuple[str, str]) -> ssl.SSLContext:
    """Make a context for a server, TLS 1.2 or later.

    Raises:
        BadCertificate: The files cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, files)
    return context


def certificate_stamp(tls: Tls) -> Stamp:
    """Look at the files, links followed."""
    return tuple(file_stamp(Path(name)) for name in tls.files or ())


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Look at one file; None: it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _load_pair(context: ssl.SSLContext, files: tuple[str, str]) -> None:
    certificate, key = files
    for name in files:
        try:
            Path(name).open("rb").close()
        except OSError as error:
            raise BadCertificate(f"{name}: {error.strerror}") from error
    try:
        # Without a word for it, OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise BadCertificate(f"{certificate} and {key} are no usable pair: {reason}") from error
