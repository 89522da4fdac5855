"""What can be wrong with an image file.

::

    ValueError
    └── ContainerError
        ├── Unsupported   an upload that is better stored untouched
        ├── DoesNotFit    a file that cannot be brought to the size of the upload
        └── Malformed     something that slimgate itself once wrote is damaged
"""


class ContainerError(ValueError):
    """Anything that the containers raise."""


class Unsupported(ContainerError):
    """The file is damaged, or something in it is not surely restored.

    The message is a short phrase in lower case, made for a log line; it never holds bytes of the
    file.
    """


class DoesNotFit(ContainerError):
    """The assembled file cannot be exactly as long as it has to be.

    It is too long, or it is shorter by less than the smallest padding of its format.
    """


class Malformed(ContainerError):
    """A box or a blob of slimgate's own is not as it was written."""
