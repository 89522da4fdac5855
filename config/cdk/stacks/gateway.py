"""Gateways on Fargate, behind a load balancer with TLS."""

from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

_CPUS: Final = 2
_MEMORY_MIB: Final = 11 * 1024
_SPOOL_GIB: Final = 30
_PORT: Final = 9000
_ADMIN_PORT: Final = 9001
_IDLE_S: Final = 300
"""Longest silence in a request: a large image may be searched for two minutes."""

_LONGEST_S: Final = 150
"""Time for requests in flight when a gateway is replaced: the load balancer ends others."""

_START: Final = 'printf %s "$CONFIGURATION" > "$SLIMGATE_CONFIG" && exec slimgate serve'
# Volumes of the image, whose user owns them there: on Fargate, all others belong to root.
_WRITABLE: Final = {"state": "/var/lib/slimgate", "spool": "/var/spool/slimgate"}


@dataclass(frozen=True, slots=True)
class Front:
    """What clients see, and what is run for them.

    Attributes:
        image: Image with its tag or digest.
        certificate_arn: Certificate of the load balancer, in ACM.
        internet_facing: Whether the load balancer has public addresses.
    """

    image: str
    certificate_arn: str
    internet_facing: bool


class Gateways(Construct):
    """A service of two gateways or more, and its load balancer.

    Args:
        scope: Stack or construct that it belongs to.
        name: Name within it.
        vpc: Network.
        front: Image, certificate and kind of addresses.
        redis_url: Secret with the URL of the cache.
        bucket: Bucket whose images the policy looks at.

    Attributes:
        service: The service.
        balancer: The load balancer.
        targets: The gateways, as the load balancer sees them.
        role: Role with which gateways reach the store.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        vpc: ec2.IVpc,
        front: Front,
        redis_url: secretsmanager.ISecret,
        bucket: str,
    ) -> None:
        super().__init__(scope, name)
        self._vpc = vpc
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=_CPUS * 1024,
            memory_limit_mib=_MEMORY_MIB,
            ephemeral_storage_gib=_SPOOL_GIB,
        )
        self.role = task.task_role
        self._add_container(task, front.image, redis_url, self._configuration(bucket))
        self.service = self._service(task)
        self.balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            internet_facing=front.internet_facing,
            deletion_protection=True,
            idle_timeout=Duration.seconds(_IDLE_S),
        )
        self.targets = self._listen(front.certificate_arn)
        CfnOutput(self, "Address", value=self.balancer.load_balancer_dns_name)

    def _configuration(self, bucket: str) -> dict[str, Any]:
        region = Stack.of(self).region
        return {
            "upstream": {
                "endpoint": f"https://s3.{region}.{Stack.of(self).url_suffix}",
                "region": region,
            },
            "credentials": [{"access_key": "slimgate", "upstream": {"chain": True}}],
            "engine": {"workers": _CPUS},
            # All clients come from the load balancer, which keeps connections while they may idle.
            "limits": {
                "proxies": [self._vpc.vpc_cidr_block],
                "keepalive_timeout_s": _IDLE_S + 10,
            },
            "policies": [{"name": "images", "bucket": bucket, "mode": "shadow"}],
        }

    def _secret(self, name: str, description: str) -> ecs.Secret:
        secret = secretsmanager.Secret(
            self,
            name,
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=40, exclude_punctuation=True
            ),
        )
        return ecs.Secret.from_secrets_manager(secret)

    def _add_container(
        self,
        task: ecs.FargateTaskDefinition,
        image: str,
        redis_url: secretsmanager.ISecret,
        configuration: dict[str, Any],
    ) -> None:
        container = task.add_container(
            "gateway",
            image=ecs.ContainerImage.from_registry(image),
            entry_point=["sh", "-c"],
            command=[_START],
            readonly_root_filesystem=True,
            user="10001",
            stop_timeout=Duration.seconds(90),
            port_mappings=[ecs.PortMapping(container_port=port) for port in (_PORT, _ADMIN_PORT)],
            environment={
                "CONFIGURATION": Stack.of(self).to_json_string(configuration),
                "SLIMGATE_CONFIG": "/var/lib/slimgate/slimgate.yaml",
                "SLIMGATE_ADMIN__LISTEN": f"0.0.0.0:{_ADMIN_PORT}",
            },
            secrets={
                "SLIMGATE_ADMIN__TOKEN": self._secret("AdminToken", "Token of operators"),
                "SLIMGATE_CREDENTIALS__0__SECRET_KEY": self._secret(
                    "SecretKey", "Secret key of clients; the access key is slimgate"
                ),
                "SLIMGATE_CACHE__REDIS__URL": ecs.Secret.from_secrets_manager(redis_url),
            },
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="slimgate",
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=Size.mebibytes(25),
                log_group=logs.LogGroup(
                    self,
                    "Logs",
                    retention=logs.RetentionDays.ONE_YEAR,
                    removal_policy=RemovalPolicy.DESTROY,
                ),
            ),
        )
        for name, path in _WRITABLE.items():
            task.add_volume(name=name)
            container.add_mount_points(
                ecs.MountPoint(container_path=path, source_volume=name, read_only=False)
            )

    def _service(self, task: ecs.FargateTaskDefinition) -> ecs.FargateService:
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self._vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            min_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.seconds(120),
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        )
        scaling = service.auto_scale_task_count(min_capacity=2, max_capacity=10)
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=70)
        return service

    def _listen(self, certificate_arn: str) -> elb.ApplicationTargetGroup:
        listener = self.balancer.add_listener(
            "Https",
            port=443,
            ssl_policy=elb.SslPolicy.TLS13_RES,
            certificates=[elb.ListenerCertificate.from_arn(certificate_arn)],
        )
        targets = listener.add_targets(
            "Gateways",
            port=_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[self.service],
            deregistration_delay=Duration.seconds(_LONGEST_S),
            health_check=elb.HealthCheck(
                path="/_slimgate/readyz",
                port=str(_ADMIN_PORT),
                interval=Duration.seconds(10),
                timeout=Duration.seconds(8),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )
        self.service.connections.allow_from(
            self.balancer, ec2.Port.tcp(_ADMIN_PORT), "Health checks"
        )
        return targets
