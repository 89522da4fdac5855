"""The AWS templates hold what gateways need, and grant no more."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from slimgate import models
from slimgate.config import Settings, load
from slimgate.gateway.workers.capacity import memory_needed
from tests.compose import image_environment
from tests.deploy.chart import tool
from tests.deploy.cloud import REGION, Template, of_type, templates_in, text

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="the CDK needs node")

_FARGATE: Final = "SlimgateOnFargate"
_EKS: Final = "SlimgateOnEks"
_STACKS: Final = pytest.mark.parametrize("stack", [_FARGATE, _EKS])

Templates = dict[str, Template]


@pytest.fixture(scope="module")
def templates(templates_folder: Path) -> Templates:
    """Return both templates."""
    return templates_in(templates_folder)


@pytest.fixture
def container(templates: Templates) -> dict[str, Any]:
    """Return the definition of the gateway's container."""
    (task,) = of_type(templates[_FARGATE], "ECS::TaskDefinition")
    (found,) = task["ContainerDefinitions"]
    return dict(found)


@pytest.fixture
def environ(container: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """Return the environment of the container, with made-up secrets, and a folder to write to."""
    found = {each["Name"]: text(each["Value"]) for each in container["Environment"]}
    found.update({each["Name"]: "a secret of twenty characters" for each in container["Secrets"]})
    found["SLIMGATE_CACHE__REDIS__URL"] = "rediss://:password@cache:6379/0"
    content = found["CONFIGURATION"].replace("Network1C6012B5.CidrBlock", "10.0.0.0/16")
    found["CONFIGURATION"] = content.replace("StoreImages8704A233", "images")
    assert found["SLIMGATE_CONFIG"].startswith(image_environment()["XDG_CACHE_HOME"])
    found["SLIMGATE_CONFIG"] = str(tmp_path / "slimgate.yaml")
    return found


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """Load the configuration as the container of a gateway does."""
    config = Path(environ["SLIMGATE_CONFIG"])
    config.write_text(environ.pop("CONFIGURATION"))
    return load(config, environ=environ, known_restorers=models.NAMES)


def test_the_container_writes_its_configuration(
    container: dict[str, Any], environ: dict[str, str]
) -> None:
    """The shell leaves it as it is, and the program accepts it."""
    (script,) = container["Command"]
    checked = script.replace("slimgate serve", "slimgate check")
    assert checked != script
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*container["EntryPoint"], checked],
        env={**environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(environ["SLIMGATE_CONFIG"]).read_text() == environ["CONFIGURATION"]


def test_cloudformation_accepts_everything(templates: Templates, templates_folder: Path) -> None:
    """Cfn-lint finds nothing; W3005 is about dependencies that the CDK writes twice."""
    files = [templates_folder / f"{stack}.template.json" for stack in templates]
    words = ("--regions", REGION, "--ignore-checks", "W3005", "--template")
    done = tool("cfn-lint", *words, *files)
    assert done.returncode == 0, done.stdout + done.stderr


@_STACKS
def test_the_bucket_is_closed(templates: Templates, stack: str) -> None:
    """It is private, encrypted, reached over TLS, and stays when the stack is deleted."""
    (bucket,) = of_type(templates[stack], "S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in bucket
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert [rule["Id"] for rule in rules] == ["unfinished-uploads", "old-versions"]
    (policy,) = of_type(templates[stack], "S3::BucketPolicy")
    denied = policy["PolicyDocument"]["Statement"][0]
    assert (denied["Effect"], denied["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    resources = templates[stack]["Resources"].values()
    (kept,) = (each for each in resources if each["Type"] == "AWS::S3::Bucket")
    assert kept["DeletionPolicy"] == "Retain"


@_STACKS
def test_the_role_may_no_more_than_it_must(templates: Templates, stack: str) -> None:
    """It names each action, and this bucket alone; it cannot delete or open it."""
    policies = of_type(templates[stack], "IAM::Policy")
    statements = [
        each
        for policy in policies
        for each in policy["PolicyDocument"]["Statement"]
        if each.get("Sid") in {"Bucket", "Objects"}
    ]
    assert len(statements) == 2
    for each in statements:
        assert all(a.startswith("s3:") and "*" not in a for a in each["Action"])
        assert not {"s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutObjectAcl"} & {*each["Action"]}
    places = [text(each["Resource"]) for each in statements]
    assert places == ["StoreImages8704A233.Arn", "StoreImages8704A233.Arn/*"]


def test_pods_have_the_role(templates: Templates) -> None:
    """EKS gives it to pods of one ServiceAccount, that of the chart's release."""
    (role,) = of_type(templates[_EKS], "IAM::Role")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    (association,) = of_type(templates[_EKS], "EKS::PodIdentityAssociation")
    assert association["Namespace"] == "storage"
    assert association["ServiceAccount"] == "demo-slimgate"


def test_the_cache_is_encrypted(templates: Templates) -> None:
    """Restored files travel over TLS, to whoever knows the password, and are evicted."""
    (group,) = of_type(templates[_FARGATE], "ElastiCache::ReplicationGroup")
    assert group["TransitEncryptionEnabled"] is group["AtRestEncryptionEnabled"] is True
    assert "resolve:secretsmanager" in text(group["AuthToken"])
    (parameters,) = of_type(templates[_FARGATE], "ElastiCache::ParameterGroup")
    assert parameters["Properties"] == {"maxmemory-policy": "allkeys-lru"}
    urls = [each["SecretString"] for each in of_type(templates[_FARGATE], "SecretsManager::Secret")
            if "SecretString" in each]  # fmt: skip
    assert [text(url).partition(":")[0] for url in urls] == ["rediss"]


def test_the_container_is_confined(container: dict[str, Any], settings: Settings) -> None:
    """It has no root, writes to volumes alone, and time to finish requests."""
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001"
    assert {mount["ContainerPath"] for mount in container["MountPoints"]} == {
        "/var/lib/slimgate",
        "/var/spool/slimgate",
    }
    assert container["StopTimeout"] >= settings.shutdown_timeout_s + 20


def test_the_task_is_large_enough(templates: Templates, settings: Settings) -> None:
    """Memory and disk are enough for what is configured."""
    (task,) = of_type(templates[_FARGATE], "ECS::TaskDefinition")
    assert int(task["Memory"]) * 2**20 >= memory_needed(settings)
    assert int(task["Cpu"]) == settings.engine.worker_count * 1024
    assert task["EphemeralStorage"]["SizeInGiB"] * 2**30 > 2 * settings.limits.max_spooled_bytes


def test_the_balancer_meets_the_gateway(
    templates: Templates, container: dict[str, Any], settings: Settings
) -> None:
    """Ports agree, only TLS is served, and the gateway keeps connections for longer."""
    template = templates[_FARGATE]
    (listener,) = of_type(template, "ElasticLoadBalancingV2::Listener")
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    (targets,) = of_type(template, "ElasticLoadBalancingV2::TargetGroup")
    ports = [each["ContainerPort"] for each in container["PortMappings"]]
    assert settings.admin.address is not None
    assert ports == [settings.address[1], settings.admin.address[1]]
    assert (targets["Port"], int(targets["HealthCheckPort"])) == tuple(ports)
    assert targets["HealthCheckPath"] == "/_slimgate/readyz"
    (balancer,) = of_type(template, "ElasticLoadBalancingV2::LoadBalancer")
    attributes = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}
    assert int(attributes["idle_timeout.timeout_seconds"]) < settings.limits.keepalive_timeout_s
    assert balancer["Scheme"] == "internal"
    assert settings.limits.proxies


def test_alarms_are_sent(templates: Templates) -> None:
    """Each alarm has an action, and watches something of this stack."""
    alarms = of_type(templates[_FARGATE], "CloudWatch::Alarm")
    assert len(alarms) == 5
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert alarm["Dimensions"]
