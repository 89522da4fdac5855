"""Settings and policies, read from one YAML file. Imports nothing else of slimgate."""

from slimgate.config.cache import Cache, RedisCacheSettings
from slimgate.config.client_limits import ClientLimits
from slimgate.config.credential import Credential
from slimgate.config.credentials_file import read_credentials
from slimgate.config.deferred import Deferred
from slimgate.config.describe import effective, reference
from slimgate.config.engine import Engine, RemoteEngines
from slimgate.config.floor import Floor
from slimgate.config.index import Index
from slimgate.config.json_schema import json_schema
from slimgate.config.limits import Limits
from slimgate.config.loading import config_path, load
from slimgate.config.manifests import Manifests
from slimgate.config.matching import Policies
from slimgate.config.operators import Admin, Feedback, Ledger, Tracing
from slimgate.config.policy import Originals, Policy, PolicyLimits
from slimgate.config.problems import ConfigError, Problem
from slimgate.config.redisurl import RedisPlace
from slimgate.config.settings import Settings, Tls
from slimgate.config.shares import share
from slimgate.config.upstream import Upstream
from slimgate.config.upstream_credentials import UpstreamCredentials

__all__ = [
    "Admin",
    "Cache",
    "ClientLimits",
    "ConfigError",
    "Credential",
    "Deferred",
    "Engine",
    "Feedback",
    "Floor",
    "Index",
    "Ledger",
    "Limits",
    "Manifests",
    "Originals",
    "Policies",
    "Policy",
    "PolicyLimits",
    "Problem",
    "RedisCacheSettings",
    "RedisPlace",
    "RemoteEngines",
    "Settings",
    "Tls",
    "Tracing",
    "Upstream",
    "UpstreamCredentials",
    "config_path",
    "effective",
    "json_schema",
    "load",
    "read_credentials",
    "reference",
    "share",
]
