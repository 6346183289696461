"""The only maker of rich consoles: names in words and tables stay as they are, and command no terminal."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from onlooker.foreground.streams import unfiltered
from schemas.names import visible


class Terminal(Console):
    """A console for which text is text: no markup, no codes of emoji, no control characters.

    Args:
        stderr: write there instead of to stdout.
        plain_width: characters of a line where no terminal tells its width; None: 80.
        options: those of rich's Console; `markup` for a page that escapes its names by itself.
    """

    def __init__(self, *, stderr: bool = False, plain_width: int | None = None, **options: Any) -> None:
        stream = sys.stderr if stderr else sys.stdout
        if plain_width is not None and not stream.isatty():
            options["width"] = plain_width
        options.setdefault("file", unfiltered(stream))
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as rich lays it out: what is shown in place of a control character takes its room."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Everything that is written: nothing inside a text commands the terminal."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def say(self, words: str) -> None:
        """Print a line as it is, however long: a command in it can be copied."""
        self.print(words, soft_wrap=True)
