"""Certificates that tests can check."""

import ssl
from datetime import datetime
from pathlib import Path

import trustme


class Pair:
    """A certificate authority, and the files of a gateway that it vouches for.

    Args:
        folder: Where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.trusted = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.trusted))
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.renew()

    @property
    def settings(self) -> dict[str, str]:
        """Return the section of the configuration."""
        return {"certificate": str(self.certificate), "key": str(self.key)}

    def renew(self, end: datetime | None = None) -> bytes:
        """Write another pair, and return the certificate.

        Args:
            end: When it expires; None: in many years.
        """
        made = self.authority.issue_cert("localhost", "127.0.0.1", not_after=end)
        new = self.key.with_suffix(".new")
        made.private_key_pem.write_to_path(str(new))
        new.replace(self.key)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        new.write_bytes(chain)
        new.replace(self.certificate)
        return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())
