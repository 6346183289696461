"""Names as people see them: nothing in one commands a terminal, and a shell takes it as it is."""

import os
import re
import shlex

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, those that turn text around, and bytes that are no text."""
_BYTE = 0xDC00
"""Python's surrogate of a byte that is not UTF-8 lies so far above the byte."""


def visible(text: str) -> str:
    r"""A text whose control characters are shown instead of obeyed: `\x1b`, `\u202e`, `\xe9` for a lone byte.

    Args:
        text: anything; line feeds and tabs stay.
    """
    return _COMMANDS.sub(_shown, text)


def sendable(text: str) -> str:
    r"""A text that can be written as UTF-8: a byte of a name that is none becomes `\xe9`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def quoted(name: str | os.PathLike[str]) -> str:
    r"""A name as one word of a shell, fit to be pasted: `walk.mp4`, `'my walk.mp4'`, `$'caf\xe9.mp4'`.

    Args:
        name: a path, or another word of a command; one that begins with `-` is no option.
    """
    text = os.fspath(name)
    if text.startswith("-"):
        text = f"./{text}"
    if "\n" in text or "\t" in text or _COMMANDS.search(text):
        return f"$'{''.join(map(_escaped, text))}'"
    return shlex.quote(text)


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character in "\n\t" or _COMMANDS.match(character):
        return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return character


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    if _BYTE + 0x80 <= number <= _BYTE + 0xFF:
        return f"\\x{number - _BYTE:02x}"
    return f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}"
