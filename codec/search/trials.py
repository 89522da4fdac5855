"""Try one candidate at one quality on the whole image: encode, restore, measure."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slimgate.codec.containers import DoesNotFit
from slimgate.codec.encoders import EncoderSettings, by_name
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.manifest import Stored
from slimgate.codec.measures import floors, ocr
from slimgate.codec.measures.reading import Reading
from slimgate.codec.restore import output
from slimgate.codec.restore.restore import content_digest, pixels_of
from slimgate.codec.search.state import BestRendition, Candidate, SearchState, Trial
from slimgate.codec.search.verdicts import Verdict


def attempt(state: SearchState, candidate: Candidate, quality: int, speed: int) -> Trial:
    """Try a quality; a rendition that holds becomes the best so far.

    Measures compare the decoded file that GET will serve.

    Args:
        state: state of the search.
        candidate: candidate.
        quality: quality of its codec.
        speed: encoder speed.
    """
    began = time.perf_counter()
    state.steps.mark(candidate.codec)
    height, width = state.source.pixels.shape[:2]
    state.work.encode(height * width // candidate.scale**2, candidate.codec, speed)
    rendition = _encode(state, candidate, quality, speed)
    verdict, reading = _judge(state, candidate.stored(quality), rendition)
    seconds = time.perf_counter() - began
    return Trial(candidate, quality, len(rendition), verdict, reading, seconds, sampled=False)


def _encode(state: SearchState, candidate: Candidate, quality: int, speed: int) -> bytes:
    source, codec = state.source, by_name(candidate.codec)
    settings = EncoderSettings(
        quality=quality,
        subsampling=candidate.subsampling,
        speed=speed,
        tune=candidate.tune,
        icc=source.icc,
        orientation=source.orientation,
    )
    image = codec.encode(state.shrunk(candidate.scale, candidate.restorer), settings)
    return codec.attach(image, source.payload) if source.payload else image


def _judge(state: SearchState, stored: Stored, rendition: bytes) -> tuple[Verdict, Reading]:
    if len(rendition) > state.max_stored:
        return Verdict.TOO_BIG, Reading()
    source, upload, floor = state.source, state.source.upload, state.floor
    area = upload.width * upload.height
    state.work.restore(area, restored=stored.restorer is not None)
    state.work.score(area, floors.comparisons(floor, upload.mode))
    pixels = pixels_of(
        rendition,
        stored,
        mode=upload.mode,
        size=(upload.width, upload.height),
        upscalers=state.upscalers,
        threads=state.threads.count,
    )
    # A PNG shows the restored pixels; other formats add their own loss.
    unchanged = upload.format == "PNG" and not upload.palette
    # While nothing holds all measures are taken, so that the search knows which one asks for most.
    thorough = state.best is None
    names = floors.ALL if unchanged else ("psnr_db",)
    reading = _read(state, pixels, names=names, thorough=thorough)
    if not floors.holds(state.floor, reading):
        if thorough and not unchanged:
            reading = floors.read(floor, state.original, pixels, thorough=True)
        return Verdict.BELOW_FLOOR, reading
    state.work.serve(area, upload.format)
    try:
        parameters, served = output.fit(pixels, upload, source.size, state.threads)
    except DoesNotFit:
        return Verdict.DOES_NOT_FIT, reading
    shown = decode_as(upload, served)
    if not (unchanged and np.array_equal(shown, pixels)):
        reading = _read(state, shown, thorough=thorough)
    if state.source.hdr is not None and floors.holds(state.floor, reading):
        reading = reading.worse(_read_hdr(state, shown))
    verdict, reading = _with_text(state, shown, reading)
    if verdict is Verdict.HOLDS:
        content = content_digest(upload.metadata, pixels)
        state.best = BestRendition(rendition, stored, parameters, served, shown, content, reading)
    return verdict, reading


def holds_alone(state: SearchState, best: BestRendition) -> bool:
    """Return whether a decoded rendition holds the floor, without being encoded again.

    True for one with a restorer: its own pixels are not meant to.
    """
    upload = state.source.upload
    if best.stored.restorer is not None or upload.format == "PNG":
        return True  # the pixels of a PNG were measured as they are
    state.work.score(upload.width * upload.height, floors.comparisons(state.floor, upload.mode))
    pixels = by_name(best.stored.codec).read(
        best.rendition,
        mode=upload.mode,
        width=upload.width,
        height=upload.height,
        threads=state.threads.count,
    )
    reading = _read(state, pixels, thorough=False)
    return _with_text(state, pixels, reading)[0] is Verdict.HOLDS


def _read(
    state: SearchState, pixels: Pixels, *, names: Sequence[str] = floors.ALL, thorough: bool
) -> Reading:
    """Measure; key points that turn out to mean little for this image do not count any more."""
    while True:
        floor = state.floor
        reading = floors.read(floor, state.original, pixels, names=names, thorough=thorough)
        state.floor = floors.without_unstable_orb(floor, state.original, reading)
        if state.floor is floor:
            return reading


def _read_hdr(state: SearchState, shown: Pixels) -> Reading:
    """Measure the HDR picture under the same floor; nothing if the upload has none."""
    if state.original_hdr is None:
        return Reading()
    state.work.score(shown.shape[0] * shown.shape[1], floors.comparisons(state.floor, "RGB"))
    return state.original_hdr.read(state.floor, shown)


def _with_text(state: SearchState, shown: Pixels, reading: Reading) -> tuple[Verdict, Reading]:
    """Return the verdict; words are read last, and only if everything else holds."""
    if floors.holds(state.floor, reading) and state.floor.text is not None:
        try:
            after = state.read(shown)
            reading = replace(reading, text=ocr.share_recognized(state.words, after))
        except ocr.CannotRead:
            return Verdict.CANNOT_READ, reading
    holds = floors.holds(state.floor, reading)
    return (Verdict.HOLDS if holds else Verdict.BELOW_FLOOR), reading
