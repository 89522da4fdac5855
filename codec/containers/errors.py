"""Errors of image files.

::

    ValueError
    └── ContainerError
        ├── Unsupported   an upload that is stored untouched
        ├── DoesNotFit    a file that cannot have the size of the upload
        └── Malformed     damaged data of slimgate's own
"""


class ContainerError(ValueError):
    """Base of all errors of containers."""


class Unsupported(ContainerError):
    """The file is damaged, or has a feature that might not be restored.

    The message is a short lower-case phrase for a log line, without bytes of the file.
    """


class DoesNotFit(ContainerError):
    """The assembled file cannot have the required size.

    It is too long, or the gap is below the smallest padding of its format.
    """


class Malformed(ContainerError):
    """A box or payload written by slimgate is damaged."""
