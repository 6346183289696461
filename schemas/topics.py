"""Topics: their kinds, and the name each has on a broker."""

from typing import Annotated

import msgspec

from schemas.kinds import TOPICS, Topic

__all__ = ["TOPICS", "VERSION", "Prefix", "Topic", "TopicNames"]

VERSION = "v1"
"""Within a version a topic's schemas only gain fields with defaults."""

Prefix = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]*\Z", max_length=64)]
"""A site's prefix; letters, digits, `_` and `-`."""


class TopicNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the topics of one site: `frames.v1`, or `site.frames.v1` with a prefix."""

    prefix: Prefix = ""

    def name(self, topic: Topic) -> str:
        """The name of a topic on the broker, for example `mall-7.frames.v1`."""
        return f"{self.prefix}.{topic}.{VERSION}" if self.prefix else f"{topic}.{VERSION}"

    def topic(self, name: str) -> Topic | None:
        """The kind of a topic by its name on the broker; None when it is not one of this site's."""
        return next((topic for topic in TOPICS if self.name(topic) == name), None)
