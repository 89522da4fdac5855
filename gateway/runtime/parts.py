"""The parts that a gateway consists of."""

from typing import NamedTuple

from aiohttp import web

from config import Policies, Settings
from gateway.http.limits import Limits
from gateway.restore.compute import Compute
from gateway.storage.storage import Storage
from gateway.telemetry.telemetry import Telemetry


class Parts(NamedTuple):
    """What lives as long as a gateway, for those who put it together and end it.

    Attributes:
        settings: The whole configuration, as it was at the start.
        policies: In force; replaced when the configuration is reloaded.
        storage: The store.
        compute: Worker processes and the cache.
        limits: Across all requests.
        telemetry: Where results are recorded.
    """

    settings: Settings
    policies: Policies
    storage: Storage
    compute: Compute
    limits: Limits
    telemetry: Telemetry


PARTS = web.AppKey("parts", Parts)
