"""The long-lived parts of a gateway."""

from typing import NamedTuple

from aiohttp import web

from slimgate.config import Policies, Settings
from slimgate.gateway.cache.peers import Peers
from slimgate.gateway.cache.write_notices import WriteNotices
from slimgate.gateway.deferred.queue import DeferredQueue
from slimgate.gateway.handlers.deferring import Deferral
from slimgate.gateway.http.limits import Limits
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.telemetry.telemetry import Telemetry


class Parts(NamedTuple):
    """The parts of a gateway, for the modules that start and stop it.

    Attributes:
        settings: Settings at startup.
        policies: Policies in force; replaced on reload.
        storage: The store.
        compute: Worker processes and cache.
        limits: Limits across requests.
        telemetry: Recorders of results.
        callers: Clients, and their credentials for the store.
        queue: Uploads to optimize in the background.
        deferral: Puts them there.
        peers: Other gateways that share Redis; None: without Redis.
        notices: Writes through them; None: nothing depends on these.
    """

    settings: Settings
    policies: Policies
    storage: Storage
    compute: Compute
    limits: Limits
    telemetry: Telemetry
    callers: Callers
    queue: DeferredQueue
    deferral: Deferral
    peers: Peers | None = None
    notices: WriteNotices | None = None


PARTS = web.AppKey("parts", Parts)
