import shutil
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from slimgate.config import Tls
from slimgate.gateway.http.tls import BadCertificate, Certificate, certificate_stamp, load_context
from slimgate.gateway.telemetry import metrics
from tests.servers.certificates import Pair

_EXPIRY: Final = "slimgate_tls_certificate_expiry_timestamp_seconds"


def test_tls_is_1_2_at_least(pair: Pair) -> None:
    """TLS versions before 1.2 are disabled."""
    context = load_context((str(pair.certificate), str(pair.key)))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_wrong_pair_is_refused(pair: Pair) -> None:
    """The error names files that are missing, not PEM, or do not match."""
    shown = Certificate((str(pair.certificate), str(pair.key)))
    old = pair.key.read_bytes()
    pair.renew()
    for wrong in (b"", b"no key", old):
        pair.key.write_bytes(wrong)
        with pytest.raises(BadCertificate, match=r"key\.pem are not a usable certificate and key"):
            shown.reload()
    pair.key.unlink()
    with pytest.raises(BadCertificate, match=r"key\.pem: No such file"):
        shown.reload()


def test_the_end_of_a_certificate_is_shown(pair: Pair) -> None:
    """The metric is the first expiry of the chain, also after a reload."""
    for end in (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)):
        pair.renew(end)
        Certificate((str(pair.certificate), str(pair.key)))
        assert metrics.REGISTRY.get_sample_value(_EXPIRY) == end.timestamp()
    shown = Certificate((str(pair.certificate), str(pair.key)))
    soon = datetime(2027, 2, 28, 12, tzinfo=UTC)
    pair.renew(soon)
    shown.reload()
    assert metrics.REGISTRY.get_sample_value(_EXPIRY) == soon.timestamp()
    with pair.certificate.open("ab") as chain:
        chain.write(pair.trusted.read_bytes())
    shown.reload()
    assert metrics.REGISTRY.get_sample_value(_EXPIRY) == soon.timestamp()


def test_nobody_is_asked_for_a_pass_phrase(pair: Pair) -> None:
    """An encrypted key is refused without prompting for a password."""
    key = load_pem_private_key(pair.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(BadCertificate):
        load_context((str(pair.certificate), str(pair.key)))


def test_files_that_are_replaced_are_noticed(pair: Pair, tmp_path: Path) -> None:
    """Retargeted links and new files change the stamp; without files it is constant."""
    tls = Tls.model_validate(pair.settings)
    before = certificate_stamp(tls)
    assert before == certificate_stamp(tls)
    pair.renew()
    renewed = certificate_stamp(tls)
    assert before != renewed
    moved = tmp_path / "moved.pem"
    shutil.copy(pair.key, moved)
    pair.key.unlink()
    assert None in certificate_stamp(tls)
    pair.key.symlink_to(moved)
    assert renewed != certificate_stamp(tls)
    assert certificate_stamp(Tls()) == ()
