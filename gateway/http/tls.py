"""The server certificate, reloaded without a restart."""

import ssl
from pathlib import Path

from slimgate.config import Tls
from slimgate.gateway.http.certificate_expiry import first_expiry
from slimgate.gateway.telemetry import metrics

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Inode, modification time and size of each file, to detect changes; None: the file is missing."""


class BadCertificate(Exception):
    """Certificate and key cannot be used; the message says why, without their content."""


class Certificate:
    """A certificate and its key. A failed reload keeps the old pair.

    Open connections keep the certificate they were opened with.

    Args:
        files: Names of the certificate chain and the key, PEM.

    Raises:
        BadCertificate: The pair cannot be used.
    """

    def __init__(self, files: tuple[str, str]) -> None:
        self._files = files
        self.context = load_context(files)
        self._note_expiry()

    def reload(self) -> None:
        """Use the current content of the files for new connections.

        Raises:
            BadCertificate: The new pair cannot be used; the old one stays.
        """
        # A mismatched pair in the live context would refuse all clients: try it elsewhere first.
        load_context(self._files)
        _load_pair(self.context, self._files)
        self._note_expiry()

    def _note_expiry(self) -> None:
        metrics.CERTIFICATE_EXPIRY.set(first_expiry(Path(self._files[0])))


def load_certificate(tls: Tls) -> Certificate | None:
    """Return the configured certificate; None: plain HTTP.

    Raises:
        BadCertificate: The configured pair cannot be used.
    """
    return None if tls.files is None else Certificate(tls.files)


def load_context(files: tuple[str, str]) -> ssl.SSLContext:
    """Return a server context for TLS 1.2 or later.

    Raises:
        BadCertificate: The files cannot be read, or do not match.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, files)
    return context


def certificate_stamp(tls: Tls) -> Stamp:
    """Return the stamp of the configured files, following links."""
    return tuple(file_stamp(Path(name)) for name in tls.files or ())


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Return the stamp of a file; None: it is missing."""
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
        # Without a password, OpenSSL would prompt on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise BadCertificate(
            f"{certificate} and {key} are not a usable certificate and key: {reason}"
        ) from error
