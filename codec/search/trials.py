"""Try one candidate at one quality on the whole image: encode, restore, measure."""

import time
from dataclasses import replace

import numpy as np

from codec.containers import DoesNotFit
from codec.encoders import EncoderSettings, by_name
from codec.image.pixels import Pixels, decode_as
from codec.manifest import Stored
from codec.measures import floors, ocr
from codec.measures.reading import Reading
from codec.restore import output
from codec.restore.restore import content_digest, pixels_of
from codec.search.contest import Candidate, Contest, Trial, Winner
from codec.search.verdicts import Verdict


def attempt(contest: Contest, candidate: Candidate, quality: int, speed: int) -> Trial:
    """Try a quality; a rendition that holds becomes the best so far.

    Measures compare the decoded file that GET will serve.

    Args:
        contest: state of the search.
        candidate: candidate.
        quality: quality of its codec.
        speed: encoder speed.
    """
    began = time.perf_counter()
    contest.steps.mark(candidate.codec)
    height, width = contest.subject.pixels.shape[:2]
    contest.work.encode(height * width // candidate.scale**2, candidate.codec, speed)
    rendition = _encode(contest, candidate, quality, speed)
    verdict, reading = _judge(contest, candidate.stored(quality), rendition)
    seconds = time.perf_counter() - began
    return Trial(candidate, quality, len(rendition), verdict, reading, seconds, sampled=False)


def _encode(contest: Contest, candidate: Candidate, quality: int, speed: int) -> bytes:
    subject, codec = contest.subject, by_name(candidate.codec)
    settings = EncoderSettings(
        quality=quality,
        subsampling=candidate.subsampling,
        speed=speed,
        tune=candidate.tune,
        icc=subject.upload.icc,
        orientation=subject.orientation,
    )
    image = codec.encode(contest.shrunk(candidate.scale), settings)
    return codec.attach(image, subject.blob) if subject.blob else image


def _judge(contest: Contest, stored: Stored, rendition: bytes) -> tuple[Verdict, Reading]:
    if len(rendition) > contest.max_stored:
        return Verdict.TOO_BIG, Reading()
    subject, upload, floor = contest.subject, contest.subject.upload, contest.floor
    area = upload.width * upload.height
    contest.work.restore(area, restored=stored.restorer is not None)
    pixels = pixels_of(
        rendition,
        stored,
        mode=upload.mode,
        size=(upload.width, upload.height),
        upscalers=contest.upscalers,
    )
    # A PNG shows the restored pixels; other formats add their own loss.
    unchanged = upload.format == "PNG"
    names = floors.ALL if unchanged else ("psnr_db",)
    reading = floors.read(floor, subject.pixels, pixels, names=names)
    if not floors.holds(floor, reading):
        return Verdict.BELOW_FLOOR, _explained(contest, reading, pixels)
    contest.work.serve(area, upload.format)
    try:
        parameters, served = output.fit(pixels, upload, subject.size)
    except DoesNotFit:
        return Verdict.DOES_NOT_FIT, reading
    shown = decode_as(upload, served)
    if not (unchanged and np.array_equal(shown, pixels)):
        reading = floors.read(floor, subject.pixels, shown)
    verdict, reading = _with_text(contest, shown, reading)
    if verdict is Verdict.BELOW_FLOOR:
        reading = _explained(contest, reading, shown)
    if verdict is Verdict.HOLDS:
        content = content_digest(upload.kept, pixels)
        contest.best = Winner(rendition, stored, parameters, served, content, reading)
    return verdict, reading


def _explained(contest: Contest, reading: Reading, shown: Pixels) -> Reading:
    """Take all measures until a candidate holds, so that the search knows the critical one."""
    if contest.best:
        return reading
    every = floors.read(contest.floor, contest.subject.pixels, shown, thorough=True)
    return replace(every, text=reading.text)


def _with_text(contest: Contest, shown: Pixels, reading: Reading) -> tuple[Verdict, Reading]:
    """Return the verdict; words are read last, and only if everything else holds."""
    if floors.holds(contest.floor, reading) and contest.floor.text is not None:
        try:
            after = contest.read(shown)
            reading = replace(reading, text=ocr.kept(contest.words, after))
        except ocr.CannotRead:
            return Verdict.CANNOT_READ, reading
    holds = floors.holds(contest.floor, reading)
    return (Verdict.HOLDS if holds else Verdict.BELOW_FLOOR), reading
