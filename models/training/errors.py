"""Errors of training and evaluation that users can fix."""


class TrainingError(ValueError):
    """A command failed; the message says what to do.

    ├─ InvalidRun      a run configuration is unreadable or invalid
    ├─ NoImages        a folder has no images, or too few or too small ones
    ├─ UnreadableImage an image is damaged
    ├─ Unusable        a checkpoint is damaged, or belongs to another run
    ├─ NoDevice        the requested device is missing
    ├─ NoTracking      measurements cannot be sent
    ├─ Diverged        weights or results are not finite
    ├─ EnginesDiffer   engines disagree: the network must not ship
    ├─ NoRestorer      a restorer to evaluate is missing
    └─ NoPlace         a document has no markers for tables
    """


class InvalidRun(TrainingError):
    """A run configuration is invalid; the message names file, key and reason."""


class NoImages(TrainingError):
    """A folder has no training images, or too few or too small ones."""


class UnreadableImage(TrainingError):
    """An image is damaged, or too large."""


class Unusable(TrainingError):
    """A file is not a checkpoint of a run, or belongs to another run."""


class NoDevice(TrainingError):
    """The requested device is missing."""


class NoTracking(TrainingError):
    """Measurements cannot be sent."""


class Diverged(TrainingError):
    """A run diverged: weights or results are not finite."""


class EnginesDiffer(TrainingError):
    """Two engines disagree: the network must not ship."""


class NoRestorer(TrainingError):
    """A restorer to evaluate is missing, or cannot run here."""


class NoPlace(TrainingError):
    """A document has no markers for tables."""
