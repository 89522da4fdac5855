"""Settings and policies, read from one YAML file. Imports nothing else of slimgate."""

from config.cache import Cache, RedisCacheSettings
from config.describe import effective, reference
from config.engine import Engine
from config.floor import Floor
from config.index import Index
from config.limits import Limits
from config.loading import config_path, load
from config.manifests import Manifests
from config.matching import Policies
from config.operators import Admin, Feedback, Ledger, Tracing
from config.policy import Originals, Policy, PolicyLimits
from config.problems import ConfigError, Problem
from config.redisurl import RedisPlace
from config.settings import Settings, Tls
from config.shares import share
from config.upstream import Credential, Upstream

__all__ = [
    "Admin",
    "Cache",
    "ConfigError",
    "Credential",
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
    "Settings",
    "Tls",
    "Tracing",
    "Upstream",
    "config_path",
    "effective",
    "load",
    "reference",
    "share",
]
