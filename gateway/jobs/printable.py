"""Text of others on a terminal, which obeys control characters."""


def printable(text: str) -> str:
    """Return a text with control characters and line ends replaced."""
    return "".join(c if c.isprintable() else "?" for c in text)
