"""Every reason why an image stays as it is, and the verdicts on candidates.

Metrics, the log, the ledger, the playground and ``explain`` all use these members. ``gateway``
adds none of its own: a refusal has one type, whether codec, worker or store is behind it.
``docs/reasons.md`` lists them for operators.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from slimgate.codec.search.omissions import Omitted
    from slimgate.codec.search.state import Trial
    from slimgate.config.floor import Guard


class Reason(StrEnum):
    """Why an image stays as it is; the value is the label of metrics, log and ledger.

    Attributes:
        text: What to tell people, without particulars.
        advice: What they can do about it.
        wording: The text with ``{}`` for particulars, where these do not follow a colon.
    """

    text: str
    advice: str
    wording: str

    def __new__(cls, label: str, text: str, advice: str, wording: str = "") -> Self:
        """Make a member."""
        member = str.__new__(cls, label)
        member._value_ = label
        member.text = text
        member.advice = advice
        member.wording = wording
        return member

    def told(self, detail: str = "") -> str:
        """Return the text with particulars, such as a number or the text of an error."""
        if not detail:
            return self.text
        return self.wording.format(detail) if self.wording else f"{self.text}: {detail}"

    # Of the upload.
    TYPE = (
        "type",
        "not an image of a type that the policy names",
        (
            "The policy does not name this type of file, or it is no image at all: the first "
            "bytes count, not the name."
        ),
    )
    KIND = (
        "kind of image",
        "an image of a kind that is stored as it came",
        (
            "HEIC, AVIF, JPEG XL and JPEG 2000 are small already; raw files of cameras and DICOM "
            "are stored as they came."
        ),
    )
    SIZE = (
        "size",
        "empty, or larger than the policy allows",
        "Raise limits.max_bytes of the policy for larger files.",
    )
    PIXELS = (
        "pixels",
        "more pixels than the policy allows",
        "Raise limits.max_pixels of the policy for larger images.",
    )
    SIDE = (
        "side",
        "a side longer than a rendition can have",
        "Images as long as this are stored as they came.",
    )
    SMALL = (
        "small",
        "too small to gain anything",
        "Images under 16 pixels are stored as they came.",
    )
    UNSUPPORTED = (
        "unsupported",
        "a feature that cannot be restored faithfully",
        (
            "Files with this feature are stored as they came: what cannot be restored "
            "faithfully is not touched."
        ),
        "{}",
    )
    DAMAGED = (
        "damaged",
        "cannot be decoded",
        "Its pixels cannot be decoded. An upload like this is passed on as it came.",
    )
    # Of the search.
    FLOOR = (
        "floor",
        "nothing smaller holds the floor",
        (
            "Nothing that was tried is both smaller by min_saving and at or above the floor. "
            "The table shows by how much: a lower floor, a smaller min_saving, more tiers or "
            "effort: best may help. Small files that are compressed already seldom get smaller."
        ),
        "nothing smaller holds the floor ({})",
    )
    BYTE_EXACT = (
        "byte exact",
        "has to come back byte for byte",
        (
            "Cache-Control: no-transform, or a key that contains a digest of the content, asks "
            "for the very bytes, and no byte-exact tier makes this file smaller. Allow the tier "
            "exact."
        ),
        "has to come back byte for byte {}",
    )
    C2PA = (
        "content credentials",
        "has content credentials (C2PA), which other bytes would break",
        "No byte-exact tier makes this file smaller. Allow the tier exact.",
    )
    PROOF = (
        "proof",
        "the rendition does not restore",
        (
            "A restorer or a codec gave two results for one image. Verify the bucket by a job, "
            "and report it if the machine is sound."
        ),
    )
    FAILED = (
        "failed",
        "an encoder, a decoder or a restorer failed",
        "The log has the error. explain shows which candidates failed.",
        "{}",
    )
    RESTORER = (
        "restorer",
        "the restorer cannot be run",
        "Check that the restorer of the policy runs here: slimgate models bench.",
    )
    # Of the processes that work on images.
    MEMORY = (
        "memory",
        "out of memory: see engine.worker_memory",
        "The image needs more than engine.worker_memory.",
    )
    TIMEOUT = (
        "timeout",
        "stopped: it took too long",
        (
            "It took longer than six times limits.timeout_s of the policy: it hangs, or this "
            "machine is very busy."
        ),
        "stopped after {}",
    )
    WORKER_LOST = (
        "worker lost",
        "the worker process died",
        (
            "The process that worked on it was ended: the image may need more than "
            "engine.worker_memory."
        ),
        "the worker {}",
    )
    BUSY = (
        "busy",
        "the queue is full or slow",
        (
            "Raise engine.workers or engine.max_queue, or optimize the bucket by a job at a quiet "
            "time."
        ),
        "{}",
    )
    ENGINE = (
        "engine",
        "the engine that runs restorers is busy or gone",
        "The log has what became of the engine. Optimize the bucket by a job afterwards.",
        "{}",
    )
    BUFFERS = (
        "buffers",
        "too many uploads at once",
        "Raise limits.max_buffered_bytes, or optimize the bucket by a job at a quiet time.",
    )
    # Of the request.
    ANONYMOUS = (
        "anonymous",
        "uploaded without a signature",
        "Only signed uploads are optimized: the gateway does no work for unknown clients.",
    )
    DIRECTORY = (
        "directory",
        "the key ends in a slash",
        "Clients use such keys for folders. Nothing need be done.",
    )
    QUERY = (
        "query",
        "the query asks for more than to store it",
        "Only PutObject and CopyObject without further parameters are optimized.",
    )
    CONTENT_TYPE = (
        "content type",
        "has a content type that cannot be recorded",
        "Send a Content-Type of at most 100 printable ASCII characters.",
    )
    ENCODED = (
        "content encoding",
        "has a content encoding",
        (
            "Upload images without a Content-Encoding: compressing them again gains nothing. "
            "Values that change no bytes, such as base64, binary and utf-8, do not count."
        ),
    )
    CUSTOMER_KEY = (
        "customer key",
        "encrypted with a customer's own key",
        "Objects with SSE-C cannot be read without their key. Use SSE-S3 or SSE-KMS.",
    )
    OFFSET = (
        "write offset",
        "appends to an object",
        "Only uploads of whole objects are optimized.",
    )
    FORM = (
        "form",
        "uploaded by a form that the gateway cannot verify",
        (
            "Sign forms by Signature Version 4 with a key of the gateway, with each field once "
            "and none that PutObject has no header for."
        ),
    )
    OBJECT_LOCK = (
        "object lock",
        "under Object Lock",
        "What is locked stays as it was uploaded.",
    )
    # Of the bucket and the store.
    LOCKED = (
        "locked",
        "the bucket locks what it gets",
        "What is locked stays as it was uploaded. Use a bucket without default retention.",
    )
    METADATA = (
        "metadata",
        "no room for the manifest beside the client's own metadata",
        "Send less user metadata: S3 allows 2 KB, of which the manifest needs up to 600 bytes.",
    )
    MANIFEST = (
        "manifest",
        "its manifest cannot be written",
        "The manifest would be longer than 600 bytes: send a shorter Content-Type.",
        "{}",
    )
    ACL = (
        "acl",
        "shared by an ACL that cannot be repeated",
        "Share the object by a bucket policy instead.",
    )
    UNREADABLE = (
        "unreadable",
        "its tags or its ACL cannot be read",
        "Allow the client's key s3:GetObjectAcl and s3:GetObjectTagging.",
        "its {} cannot be read",
    )
    UNSAYABLE = (
        "unprintable metadata",
        "has metadata that cannot be said in headers",
        "Store the object anew with metadata of printable characters.",
    )
    ARCHIVED = (
        "archive class",
        "in an archive class",
        "Bring it back from the archive class first.",
    )
    READ_BACK = (
        "read back",
        "could not be read back",
        (
            "Allow the client's key s3:GetObject: what is uploaded in parts, or copied, is read "
            "when it is whole."
        ),
    )
    UNQUEUED = (
        "not queued",
        "the queue of deferred uploads is full or cannot be written",
        (
            "Raise deferred.concurrency or deferred.max_queued, or mend the queue. Optimize the "
            "bucket by a job afterwards."
        ),
    )
    UNKNOWN_RESULT = (
        "unknown result",
        "the upstream does not tell what the upload has become",
        "The store completes uploads without an ETag. Optimize the bucket by a job afterwards.",
    )
    REPLACED = (
        "replacement",
        "the conditional write failed",
        (
            "Another client wrote to the key meanwhile, or the key may not write. Optimize the "
            "bucket by a job afterwards."
        ),
        "the conditional write was answered with {}",
    )
    REFUSED = (
        "store refused",
        "the storage refused the rendition",
        "The bucket demands what only the upload has, such as a checksum for its lock.",
    )
    UNAVAILABLE = (
        "store unavailable",
        "the store did not answer",
        "The log has the answer. Optimize the bucket by a job afterwards.",
    )
    ESCROW = (
        "escrow",
        "its original cannot be kept",
        "Check originals.keep of the policy, and whether its originals.access_key may write there.",
    )
    KEY_LENGTH = (
        "key length",
        "the key is too long for a key of its original",
        "Shorten originals.prefix of the policy.",
    )


class Refused(Exception):
    """The upload stays as it is.

    Args:
        reason: Why.
        detail: Particulars, such as a number or the text of an error.
        trials: What was tried before, if anything was.
        omitted: What was not tried.

    Attributes:
        guard: Guard that raised the policy's floor.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        trials: "tuple[Trial, ...]" = (),
        omitted: "tuple[Omitted, ...]" = (),
    ) -> None:
        super().__init__(reason, detail)  # what pickle makes it from, in another process
        self.reason = reason
        self.detail = detail
        self.trials = trials
        self.omitted = omitted
        self.guard: Guard | None = None

    def because(self, reason: Reason, detail: str) -> "Refused":
        """Return a refusal for another reason, after the same trials."""
        other = Refused(reason, detail, self.trials, self.omitted)
        other.guard = self.guard
        return other

    def __str__(self) -> str:
        return self.reason.told(self.detail)
