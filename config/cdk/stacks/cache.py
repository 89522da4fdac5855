"""A cache of restored files that all gateways share, encrypted and with a password."""

from aws_cdk import CfnOutput, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct


class RestoredFiles(Construct):
    """Valkey on two nodes, in the isolated subnets of a VPC.

    Args:
        scope: Stack or construct that it belongs to.
        name: Name within it.
        vpc: Network, with isolated subnets.

    Attributes:
        connections: Who may reach it.
        url: Secret with the URL, password included, for ``cache.redis.url``.
        identifier: Name of the replication group, for alarms.
    """

    def __init__(self, scope: Construct, name: str, *, vpc: ec2.IVpc) -> None:
        super().__init__(scope, name)
        group = ec2.SecurityGroup(
            self,
            "Access",
            vpc=vpc,
            description="Reaches the cache of restored files",
            allow_all_outbound=False,
        )
        self.connections = ec2.Connections(security_groups=[group], default_port=ec2.Port.tcp(6379))
        self.identifier = f"{Stack.of(self).stack_name}-restored-files".lower()
        password = secretsmanager.Secret(
            self,
            "Password",
            description="Password of the cache of restored files",
            removal_policy=RemovalPolicy.DESTROY,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=48, exclude_punctuation=True
            ),
        )
        nodes = self._nodes(group, vpc, password)
        self.url = self._url(nodes, password)
        CfnOutput(self, "Endpoint", value=nodes.attr_primary_end_point_address)

    def _nodes(
        self, group: ec2.SecurityGroup, vpc: ec2.IVpc, password: secretsmanager.Secret
    ) -> elasticache.CfnReplicationGroup:
        subnets = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description="Cache of restored files",
            subnet_ids=vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids,
        )
        parameters = elasticache.CfnParameterGroup(
            self,
            "Parameters",
            cache_parameter_group_family="valkey8",
            description="Evicts what was used longest ago",
            properties={"maxmemory-policy": "allkeys-lru"},
        )
        return elasticache.CfnReplicationGroup(
            self,
            "Nodes",
            replication_group_id=self.identifier,
            replication_group_description="Restored files of slimgate",
            engine="valkey",
            engine_version="8.0",
            cache_node_type="cache.t4g.small",
            cache_parameter_group_name=parameters.ref,
            cache_subnet_group_name=subnets.ref,
            security_group_ids=[group.security_group_id],
            num_cache_clusters=2,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            auth_token=password.secret_value.unsafe_unwrap(),  # a reference, not the password
            snapshot_retention_limit=0,  # losing it loses nothing
            auto_minor_version_upgrade=True,
        )

    def _url(
        self, nodes: elasticache.CfnReplicationGroup, password: secretsmanager.Secret
    ) -> secretsmanager.ISecret:
        text = Fn.join(
            "",
            [
                "rediss://:",
                password.secret_value.unsafe_unwrap(),
                "@",
                nodes.attr_primary_end_point_address,
                ":",
                nodes.attr_primary_end_point_port,
                "/0",
            ],
        )
        secret = secretsmanager.CfnSecret(
            self, "Url", description="URL of the cache of restored files", secret_string=text
        )
        return secretsmanager.Secret.from_secret_complete_arn(self, "Reference", secret.ref)
