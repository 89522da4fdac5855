"""Encoders of renditions, one module per codec with the same functions.

Every rendition is a standard file that any viewer opens; it carries the upload's header segments
where viewers skip them.
"""

from slimgate.codec.encoders.registry import NAMES, Codec, by_name, mime_of
from slimgate.codec.encoders.settings import EncoderSettings, Tune

__all__ = ["NAMES", "Codec", "EncoderSettings", "Tune", "by_name", "mime_of"]
