"""The role of gateways on an EKS cluster that exists already (EKS Pod Identity)."""

from aws_cdk import CfnOutput
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from .storage import ImageBucket


class PodIdentity(Construct):
    """A role that the ServiceAccount of the Helm chart has, and nothing else.

    Args:
        scope: Stack or construct that it belongs to.
        name: Name within it.
        bucket: What the role may use.
        cluster: Name of the cluster, with the add-on ``eks-pod-identity-agent``.
        namespace: Namespace of the release.
        service_account: Its ServiceAccount.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        bucket: ImageBucket,
        cluster: str,
        namespace: str,
        service_account: str,
    ) -> None:
        super().__init__(scope, name)
        pods = iam.ServicePrincipal("pods.eks.amazonaws.com")
        role = iam.Role(
            self,
            "Role",
            assumed_by=pods.with_session_tags(),
            description="Gateways of slimgate on EKS",
        )
        bucket.grant(role)
        eks.CfnPodIdentityAssociation(
            self,
            "Association",
            cluster_name=cluster,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.role_arn,
        )
        CfnOutput(self, "RoleArn", value=role.role_arn)
