"""What can go wrong in training and evaluation through no fault of the program."""


class TrainingError(ValueError):
    """A command cannot do what it was asked for; the message says what to do.

    ├─ InvalidRun      a run cannot be read
    ├─ NoImages        a folder has no images, or too few or too small ones
    ├─ UnreadableImage an image is damaged
    ├─ Unusable        a checkpoint is damaged, or of another run
    ├─ NoDevice        the device that was asked for is not there
    ├─ NoTracking      measurements cannot be sent where they should
    ├─ Diverged        a run has lost itself
    ├─ EnginesDiffer   engines give different bits: a network must not ship
    ├─ NoRestorer      what should be evaluated is not there
    └─ NoPlace         a document has no place for tables
    """


class InvalidRun(TrainingError):
    """A run cannot be read; the message names the file, the key and the reason."""


class NoImages(TrainingError):
    """A folder has no images to learn from, or too few or too small ones."""


class UnreadableImage(TrainingError):
    """An image is damaged, or too large."""


class Unusable(TrainingError):
    """A file is no checkpoint of a run, or of another one."""


class NoDevice(TrainingError):
    """The device that was asked for is not there."""


class NoTracking(TrainingError):
    """Measurements cannot be sent where they should."""


class Diverged(TrainingError):
    """A run has lost itself: its weights or results are not finite any more."""


class EnginesDiffer(TrainingError):
    """Two engines do not give the same bits: the network must not ship."""


class NoRestorer(TrainingError):
    """What should be evaluated is not there, or does not run here."""


class NoPlace(TrainingError):
    """A document has no place for tables."""
