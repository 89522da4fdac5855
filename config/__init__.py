"""Settings and policies: one validated YAML file. Imports nothing of ours."""

from config.describe import effective, reference
from config.loading import config_path, load
from config.matching import Policies
from config.policy import Floor, Originals, Policy, PolicyLimits
from config.problems import ConfigError, Problem
from config.redisurl import RedisPlace
from config.settings import (
    Admin,
    Cache,
    Credential,
    Engine,
    Feedback,
    Ledger,
    Limits,
    RedisCacheSettings,
    Settings,
    Tls,
    Tracing,
    Upstream,
)
from config.shares import share

__all__ = [
    "Admin",
    "Cache",
    "ConfigError",
    "Credential",
    "Engine",
    "Feedback",
    "Floor",
    "Ledger",
    "Limits",
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
