"""Alarms on what CloudWatch measures; the gateway's own metrics need Prometheus."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from .gateway import Gateways

_PERIOD: Final = Duration.minutes(5)


class Alarms(Construct):
    """Alarms, and the topic that they are sent to.

    Args:
        scope: Stack or construct that it belongs to.
        name: Name within it.
        gateways: What is watched.
        cache: Name of the replication group that is watched.
    """

    def __init__(self, scope: Construct, name: str, *, gateways: Gateways, cache: str) -> None:
        super().__init__(scope, name)
        cloudwatch_service = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        key = kms.Key(self, "Key", enable_key_rotation=True, description="Alarms of slimgate")
        key.grant_encrypt_decrypt(cloudwatch_service)
        topic = sns.Topic(self, "Topic", enforce_ssl=True, master_key=key)
        topic.grant_publish(cloudwatch_service)
        self._action = actions.SnsAction(topic)
        targets = gateways.targets.metrics
        self._add(
            "ServerErrors",
            targets.http_code_target(elb.HttpCodeTarget.TARGET_5XX_COUNT, period=_PERIOD),
            20,
            "Gateways answer with server errors; 503 SlowDown counts, too",
        )
        self._add(
            "NotReady",
            targets.unhealthy_host_count(statistic="max", period=Duration.minutes(1)),
            0,
            "A gateway is not ready for five minutes",
            periods=5,
        )
        self._add(
            "Slow",
            targets.target_response_time(statistic="p95", period=_PERIOD),
            30,
            "One in 20 requests takes over 30 s",
        )
        self._add(
            "Memory",
            gateways.service.metric_memory_utilization(statistic="max", period=_PERIOD),
            90,
            "A gateway uses over 90 % of its memory",
        )
        self._add("Cache", _cache_load(cache), 90, "The cache of restored files is overloaded")

    def _add(
        self, name: str, metric: cloudwatch.IMetric, threshold: float, text: str, periods: int = 3
    ) -> None:
        """Add an alarm on a metric that stays above a threshold."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=text,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)


def _cache_load(group: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/ElastiCache",
        metric_name="EngineCPUUtilization",
        dimensions_map={"CacheClusterId": f"{group}-001"},
        statistic="Average",
        period=_PERIOD,
    )
