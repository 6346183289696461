"""Makes a site's topics for tests that are about something else: the command itself, but in this process."""

from pathlib import Path

from onlooker.cli.topics import topics


def create_topics(config: Path) -> None:
    """Make the topics of a configuration, as `onlooker topics create` does; trouble is raised."""
    topics.main(["create", "--config", str(config)], standalone_mode=False)
