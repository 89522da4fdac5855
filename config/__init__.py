"""Settings and policies: one validated YAML file. Imports nothing of ours."""

from config.describe import effective, reference
from config.loading import config_path, load
from config.matching import Policies
from config.policy import Floor, Policy, PolicyLimits
from config.problems import ConfigError, Problem
from config.settings import Cache, Credential, Engine, Limits, Settings, Upstream

__all__ = [
    "Cache",
    "ConfigError",
    "Credential",
    "Engine",
    "Floor",
    "Limits",
    "Policies",
    "Policy",
    "PolicyLimits",
    "Problem",
    "Settings",
    "Upstream",
    "config_path",
    "effective",
    "load",
    "reference",
]
