"""Read files that people write: the configuration, secrets, prices."""

from pathlib import Path

from slimgate.config.document import MAX_FILE_BYTES
from slimgate.config.problems import ConfigError, Problem


def read_text(path: Path, max_bytes: int = MAX_FILE_BYTES) -> str:
    """Return the text of a file that a person wrote.

    Args:
        path: file.
        max_bytes: largest size.

    Raises:
        ConfigError: the file is unreadable, larger than that, or not UTF-8.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or type(error).__name__}"
        raise ConfigError([Problem(source, None, "", reason)]) from error
    except ValueError as error:
        raise ConfigError([Problem(ascii(source), None, "", "is not a valid file name")]) from error
    if len(data) > max_bytes:
        reason = f"is larger than {max_bytes} bytes"
        raise ConfigError([Problem(source, None, "", reason)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # The exception contains the whole file, secrets included.
        raise ConfigError([Problem(source, line, "", "is not UTF-8 text")]) from None
