"""Two stacks: gateways on Fargate, or a bucket and a role for the Helm chart on EKS.

``cdk synth --context certificate=ARN --context image=REGISTRY/slimgate:0.1.0``

Context: ``image``, ``certificate`` (an ARN), ``public`` (``true``: the load balancer has public
addresses), ``cluster``, ``namespace`` and ``service_account`` (of the Helm chart).
"""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .alarms import Alarms
from .cache import RestoredFiles
from .gateway import Front, Gateways
from .pod_identity import PodIdentity
from .storage import ImageBucket


class SlimgateOnFargate(cdk.Stack):
    """Bucket, cache, gateways and alarms in a network of their own."""

    def __init__(self, scope: Construct, name: str, **options: Any) -> None:
        super().__init__(scope, name, **options)
        vpc = _network(self)
        bucket = ImageBucket(self, "Store")
        cache = RestoredFiles(self, "Cache", vpc=vpc)
        gateways = Gateways(
            self,
            "Gateway",
            vpc=vpc,
            front=Front(
                image=_context(self, "image"),
                certificate_arn=_context(self, "certificate"),
                internet_facing=_context(self, "public") == "true",
            ),
            redis_url=cache.url,
            bucket=bucket.bucket.bucket_name,
        )
        bucket.grant(gateways.role)
        cache.connections.allow_default_port_from(gateways.service)
        Alarms(self, "Alarms", gateways=gateways, cache=cache.identifier)


class SlimgateOnEks(cdk.Stack):
    """Bucket and role; gateways come from the Helm chart."""

    def __init__(self, scope: Construct, name: str, **options: Any) -> None:
        super().__init__(scope, name, **options)
        PodIdentity(
            self,
            "Identity",
            bucket=ImageBucket(self, "Store"),
            cluster=_context(self, "cluster"),
            namespace=_context(self, "namespace"),
            service_account=_context(self, "service_account"),
        )


def _network(stack: cdk.Stack) -> ec2.Vpc:
    """Return a network in which S3 is reached without the internet."""
    vpc = ec2.Vpc(
        stack,
        "Network",
        max_azs=2,
        nat_gateways=1,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(name=name, subnet_type=kind)
            for name, kind in (
                ("balancer", ec2.SubnetType.PUBLIC),
                ("gateways", ec2.SubnetType.PRIVATE_WITH_EGRESS),
                ("cache", ec2.SubnetType.PRIVATE_ISOLATED),
            )
        ],
        gateway_endpoints={
            "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
        },
    )
    vpc.add_flow_log("Flows")
    return vpc


def _context(scope: Construct, key: str) -> str:
    value: str = scope.node.get_context(key)
    return value


def main() -> None:
    """Write the templates of both stacks."""
    app = cdk.App()
    SlimgateOnFargate(app, "SlimgateOnFargate", description="slimgate on Fargate")
    SlimgateOnEks(app, "SlimgateOnEks", description="Bucket and role of slimgate on EKS")
    app.synth()


if __name__ == "__main__":
    main()
