"""Kinds of text that several sections hold: keys of clients, names of files."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable text without spaces or line ends around it")
    return value


# Slash and comma separate the parts of an Authorization header in Signature Version 4.
AccessKey = Annotated[str, Field(pattern=r"^[!-+\-.0-~]{1,128}$")]
SecretKey = Annotated[SecretStr, AfterValidator(_secret), Field(min_length=1, max_length=1024)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
