"""Types of text shared by several sections: access keys, secrets, file names."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable text without leading or trailing spaces or line breaks")
    return value


# Slashes and commas delimit the parts of a Signature Version 4 Authorization header.
AccessKey = Annotated[str, Field(pattern=r"^[!-+\-.0-~]{1,128}$")]
SecretKey = Annotated[SecretStr, AfterValidator(_secret), Field(min_length=1, max_length=1024)]
# AWS STS puts no bound on tokens; they have to fit into a header.
SessionToken = Annotated[SecretStr, AfterValidator(_secret), Field(min_length=1, max_length=8192)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
