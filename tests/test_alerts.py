"""Each alert fires when it should, and stays quiet when it should: promtool runs all rules."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.compose import ALERTS

_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class _Case:
    """One alert.

    Attributes:
        firing: Series by which it fires, in promtool's notation, and its labels beside severity.
        quiet: Series by which it does not; they have another instance or policy.
        minutes: When both are looked at.
    """

    firing: dict[str, str]
    quiet: dict[str, str]
    labels: dict[str, str] = field(default_factory=lambda: {"instance": "a"})
    minutes: int = 60


def _one(series: str, firing: str, quiet: str, **others: Any) -> _Case:
    """Return the case of an alert that looks at one series of each instance."""
    begin = series if series.endswith(",") else f"{series}{{"
    return _Case({f'{begin}instance="a"}}': firing}, {f'{begin}instance="b"}}': quiet}, **others)


def _counter(a_minute: float, start: float = 0, minutes: int = 120) -> str:
    return f"{start}+{a_minute}x{minutes}"


def _share(series: str, part: str, firing: float, quiet: float, **others: Any) -> _Case:
    """Return the case of an alert on a share of a counter, of 1,000 a minute."""

    def counted(instance: str, share: float) -> dict[str, str]:
        rest = part.replace('="', '="other-')
        return {
            f'{series}{{{part},instance="{instance}"}}': _counter(1000 * share),
            f'{series}{{{rest},instance="{instance}"}}': _counter(1000 * (1 - share)),
        }

    return _Case(counted("a", firing), counted("b", quiet), **others)


def _uploads(policy: str, plain_before: float, plain_after: float) -> dict[str, str]:
    """Return a day of 1,000 uploads a minute, and two hours with another share of plain ones."""
    day = 1000 * _DAY
    name = f'slimgate_uploads_total{{policy="{policy}",instance="a",outcome='
    return {
        f'{name}"plain"}}': f"{_counter(1000 * plain_before, minutes=_DAY)} "
        + _counter(1000 * plain_after, day * plain_before),
        f'{name}"optimized"}}': f"{_counter(1000 * (1 - plain_before), minutes=_DAY)} "
        + _counter(1000 * (1 - plain_after), day * (1 - plain_before)),
    }


_STEADY: Final = "1x120"
_UPLOAD_SECONDS: Final = 'slimgate_request_duration_seconds_bucket{operation="PutObject",'
_EXPIRY: Final = "slimgate_tls_certificate_expiry_timestamp_seconds"
_RESTORES: Final = "slimgate_restores_total{outcome="

CASES: Final[dict[str, _Case]] = {
    "SlimgateDown": _one(
        'up{job="slimgate",',
        "0x120",
        _STEADY,
        labels={"instance": "a", "job": "slimgate"},
    ),
    "SlimgateNotReady": _one("slimgate_ready", "0x120", "0x56 1x60"),
    "SlimgateDigestMismatch": _one(
        f'{_RESTORES}"mismatch",',
        "0x55 1x60",
        "0x30 1x90",
        labels={"instance": "a", "outcome": "mismatch"},
    ),
    "SlimgateCachedFilesDamaged": _one(
        'slimgate_redis_requests_total{result="wrong",',
        "0x30 1x90",
        _STEADY,
        labels={"instance": "a", "result": "wrong"},
    ),
    "SlimgateRestoresFail": _one(
        f'{_RESTORES}"unreadable",',
        "0x55 1x60",
        "0x30 1x90",
        labels={"instance": "a", "outcome": "unreadable"},
    ),
    "SlimgateEncoderChanged": _one(
        'slimgate_golden_objects{outcome="changed",',
        _STEADY,
        "0x120",
        labels={"instance": "a", "outcome": "changed"},
    ),
    "SlimgateDecoderChanged": _one(
        'slimgate_golden_objects{outcome="failed",',
        _STEADY,
        "0x120",
        labels={"instance": "a", "outcome": "failed"},
    ),
    "SlimgateErrors": _share("slimgate_requests_total", 'status="500"', 0.02, 0.005),
    "SlimgateUploadsSlow": _Case(
        {
            f'{_UPLOAD_SECONDS}instance="a",le="30"}}': _counter(9),
            f'{_UPLOAD_SECONDS}instance="a",le="60"}}': _counter(10),
            f'{_UPLOAD_SECONDS}instance="a",le="+Inf"}}': _counter(10),
        },
        {
            f'{_UPLOAD_SECONDS}instance="b",le="30"}}': _counter(99),
            f'{_UPLOAD_SECONDS}instance="b",le="60"}}': _counter(100),
            f'{_UPLOAD_SECONDS}instance="b",le="+Inf"}}': _counter(100),
        },
    ),
    "SlimgateMoreStoredPlain": _Case(
        _uploads("photos", 0.05, 0.3),
        _uploads("scans", 0.5, 0.55),
        labels={"policy": "photos"},
        minutes=_DAY + 100,
    ),
    "SlimgateDeferredQueueFull": _one(
        'slimgate_deferred_uploads_total{result="full",',
        _counter(1),
        _STEADY,
        labels={"instance": "a", "result": "full"},
    ),
    "SlimgateDeferredQueueOld": _one("slimgate_deferred_oldest_seconds", "90000x120", "60x120"),
    "SlimgateDeferredImagesFail": _one(
        'slimgate_deferred_images_total{outcome="failed",',
        _counter(1),
        _STEADY,
        labels={"instance": "a", "outcome": "failed"},
    ),
    "SlimgateIndexMisses": _share(
        "slimgate_listed_objects_total", 'result="miss"', 0.8, 0.3, minutes=110
    ),
    "SlimgateSlowDowns": _Case(
        {
            'slimgate_slow_downs_total{instance="a"}': _counter(10),
            'slimgate_requests_total{status="200",instance="a"}': _counter(100),
        },
        {
            'slimgate_slow_downs_total{instance="b"}': _counter(1),
            'slimgate_requests_total{status="200",instance="b"}': _counter(100),
        },
    ),
    "SlimgateStoreUnreachable": _one(
        'slimgate_upstream_requests_total{status="error",',
        _counter(1),
        _STEADY,
        labels={"instance": "a", "status": "error"},
    ),
    "SlimgateRedisLeftAlone": _one("slimgate_redis_breaker_open", _STEADY, "0x120"),
    "SlimgatePoliciesDiffer": _Case(
        {'slimgate_gateways_with_other_policies{instance="a"}': _STEADY}, {}, labels={}
    ),
    "SlimgateRedisRefusesWrites": _one(
        'slimgate_redis_requests_total{result="refused",',
        _counter(1),
        _STEADY,
        labels={"instance": "a", "result": "refused"},
    ),
    "SlimgateProcessesLost": _Case(
        {
            'slimgate_workers_lost_total{instance="a"}': _counter(0.5),
            'slimgate_engine_lost_total{instance="a"}': "0x120",
            'slimgate_gateways_lost_total{instance="a"}': "0x120",
        },
        {
            'slimgate_workers_lost_total{instance="b"}': "3x120",
            'slimgate_engine_lost_total{instance="b"}': "1x120",
            'slimgate_gateways_lost_total{instance="b"}': "0x120",
        },
    ),
    "SlimgateNoRemoteEngine": _one(
        'slimgate_remote_engines{state="ready",',
        "0x120",
        _STEADY,
        labels={"instance": "a", "state": "ready"},
    ),
    "SlimgateRemoteEngineWrong": _one(
        'slimgate_remote_engine_attempts{outcome="wrong",',
        _counter(1),
        _STEADY,
        labels={"instance": "a", "outcome": "wrong"},
    ),
    # Series begin at the epoch.
    "SlimgateCertificateExpires": _one(_EXPIRY, f"{13 * 86400}x120", "0x120", minutes=90),
    "SlimgateCertificateExpiresSoon": _one(_EXPIRY, f"{86400}x120", f"{3 * 86400}x120"),
    # Credentials that last for an hour from minute to minute, and others that nobody renews.
    "SlimgateCredentialsExpire": _one(
        'slimgate_upstream_credentials_expiry_timestamp_seconds{source="chain",',
        f"{59 * 60 + 200}x120",
        f"{3600}+60x120",
        labels={"instance": "a", "source": "chain"},
        minutes=59,
    ),
    "SlimgateCredentialsNotRenewed": _one(
        'slimgate_upstream_credentials_refreshes_total{outcome="failed",source="chain",',
        _counter(0.5),
        "0x50 1x60",
        labels={"instance": "a", "source": "chain", "outcome": "failed"},
    ),
    "SlimgateEngineDown": _one(
        'up{job="slimgate-engine",',
        "0x120",
        _STEADY,
        labels={"instance": "a", "job": "slimgate-engine"},
    ),
    "SlimgateEngineRefused": _one(
        'slimgate_remote_engines{state="refused",',
        _STEADY,
        "0x120",
        labels={"instance": "a", "state": "refused"},
    ),
    "SlimgateEnginesFull": _Case(
        {
            'slimgate_engine_images_total{outcome="refused",instance="a"}': _counter(10),
            'slimgate_engine_images_total{outcome="finished",instance="a"}': _counter(90),
        },
        {},
        labels={},
    ),
}


def _rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _expected(rule: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """Return the alert with its texts, as Prometheus fills them in."""
    texts = {
        name: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
        for name, text in rule["annotations"].items()
    }
    return {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": texts}


def test_every_alert_is_tried() -> None:
    """No rule is left out."""
    assert CASES.keys() == _rules().keys()


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Of the series of each case, those that call for the alert raise it, and no others do."""
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [
                {"series": series, "values": values}
                for series, values in {**case.firing, **case.quiet}.items()
            ],
            "alert_rule_test": [
                {
                    "alertname": name,
                    "eval_time": f"{case.minutes}m",
                    "exp_alerts": [_expected(_rules()[name], case.labels)],
                }
            ],
        }
        for name, case in CASES.items()
    ]
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": tests}))
    command = ["promtool", "test", "rules", file.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
