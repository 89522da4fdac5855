"""The rendition that takes the place of an object already in the bucket."""

import time
from dataclasses import dataclass
from datetime import datetime

from multidict import CIMultiDict

from slimgate.codec.notes import Uploaded
from slimgate.codec.optimize import Optimized
from slimgate.config import Policy
from slimgate.gateway.jobs.noting import note_written
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.optimize.candidate import Source, StoredCandidate
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.storage import metadata, snapshot
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.storage.upload_time import kept


@dataclass(slots=True)
class Replacement:
    """What takes the place of an object.

    Attributes:
        tools: With the store.
        seen: The object; looked at once more before it is replaced.
        listed: Last-Modified in the listing; None: unknown.
    """

    tools: Tools
    seen: Snapshot
    listed: datetime | None = None

    def image(
        self, policy: Policy, contents: Source, report: Report | None = None
    ) -> StoredCandidate:
        """Return the object as an image that is to be stored small.

        Args:
            policy: Its policy.
            contents: Its bytes.
            report: Records the result; None: nothing is recorded.
        """
        return StoredCandidate(
            policy=policy,
            target=self.seen.target,
            headers=self.seen.headers,
            source=contents,
            workers=self.tools.workers,
            report=report,
            client=self.tools.client,
            seals=self.tools.seals,
            archive=self.tools.archive,
            plain=self._request,
            uploaded=self._uploaded,
            destination=self._put,
        )

    async def _request(self) -> Request:
        """Return the request that would store the same object, as it is described now.

        Raises:
            Changed: It is another object now.
            Refused, Denied, S3Error: It cannot be described in headers, or not be seen.
        """
        client = self.tools.client
        self.seen = await snapshot.retake(client, self.seen, self.tools.seals)
        described = CIMultiDict(client.passed_along)
        described.update(await metadata.everything(client, self.seen.target, self.seen.headers))
        return Request("PUT", self.seen.target, headers=described)

    def _uploaded(self) -> Uploaded | None:
        return kept(self.seen.target, self.seen.headers, self.listed)

    async def _put(self, request: Request, found: Optimized) -> None:
        started = time.monotonic()
        answered = await self.tools.client.put_if_match(request, self.seen.state.etag)
        elapsed_s = time.monotonic() - started
        note_written(self.tools, request.target, found.manifest, answered, elapsed_s)
