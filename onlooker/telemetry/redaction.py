"""Takes secrets out of words: credentials of URLs, values named like secrets, and the configured ones."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from producers.cameras.sources import redacted

SHORTEST = 3
"""A configured secret of fewer characters is no secret; hiding it would eat every word."""
HIDDEN = "***"
LONGEST = 16_000
"""Characters that are told of one text."""
_URL = re.compile(r"[\w+.-]{0,20}://\S*")
"""The bound keeps a long word without any URL from being tried from each of its letters to its end."""
_CUT_URL = re.compile(r"://\S*\Z")
_NAMED = re.compile(
    r"""((?:password|passwd|passphrase|pwd|token|secret|api_?key)\w{0,20}["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;)}\]]+)""",
    re.IGNORECASE,
)


class Redaction:
    """Takes secrets out of words.

    Args:
        secrets: values that must never be shown, as they are or quoted for a URL.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = {secret for secret in secrets if len(secret) >= SHORTEST}
        forms = whole | {quote(secret, safe="") for secret in whole} | {repr(s)[1:-1] for s in whole}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, words: str) -> str:
        """The words without secrets, also of several lines.

        Returns:
            The same with `***` in their place, at most about `LONGEST` characters: words from outside must
            not fill a disk, nor keep anybody busy with looking through them.
        """
        if self._known is not None:
            words = self._known.sub(HIDDEN, words)
        words = _cut(words)
        words = _URL.sub(lambda found: redacted(found[0]), words)
        return _NAMED.sub(lambda found: f"{found[1]}{HIDDEN}", words)


def _cut(words: str) -> str:
    """The beginning of a long text; a URL that is cut is hidden: its `@` may come after the cut."""
    if len(words) <= LONGEST:
        return words
    return _CUT_URL.sub(rf"://{HIDDEN}", words[:LONGEST]) + f"… ({len(words)} characters)"
