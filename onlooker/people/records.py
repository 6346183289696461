"""What is kept of one enrolled person, and the rules for a person's id."""

import unicodedata

import msgspec
import numpy as np

from schemas.bounds import LATEST_US
from schemas.errors import UsageError
from schemas.ports import Floats

MAX_ID_LENGTH = 128
FORBIDDEN_IN_ID = frozenset('/\\:*?"<>|')
TEMPLATE_SIZE = 128


class PersonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolled person; printing it never shows the templates.

    Args of the constructor:
        person_id: see `checked_person_id`.
        labels: what the site wants to remember of the person, name to text.
        model_digest: SHA-256 of the network that made the templates.
        created_us: first enrolment, us UTC.
        updated_us: last enrolment, us UTC.
        template_bytes: (n, 128) float32, little endian, row by row.
    """

    person_id: str
    labels: dict[str, str]
    model_digest: str
    created_us: int
    updated_us: int
    template_bytes: bytes

    @property
    def templates(self) -> Floats:
        """Templates of the person's pictures, (n, 128) float32 of length 1."""
        return np.frombuffer(self.template_bytes, dtype="<f4").astype(np.float32).reshape(-1, TEMPLATE_SIZE)

    @property
    def pictures(self) -> int:
        """Number of pictures that the templates were made from."""
        return len(self.template_bytes) // (4 * TEMPLATE_SIZE)

    def __repr__(self) -> str:
        return f"PersonRecord(person_id={self.person_id!r}, pictures={self.pictures})"

    __str__ = __repr__


def packed_templates(templates: Floats) -> bytes:
    """Templates, (n, 128) float32, as the bytes a `PersonRecord` keeps: n x 512, little endian."""
    return np.ascontiguousarray(templates, dtype="<f4").tobytes()


def checked(person: PersonRecord) -> PersonRecord:
    """The person of a gallery that may be somebody else's.

    Raises:
        UsageError: an id that cannot be one, templates that are none, or a time that nothing can have.
    """
    if checked_person_id(person.person_id) != person.person_id:
        raise UsageError(f"{person.person_id!r} is not written as a person's id.")
    if len(person.template_bytes) % (4 * TEMPLATE_SIZE) or not np.isfinite(person.templates).all():
        raise UsageError(f"The templates of {person.person_id!r} are damaged.")
    if not all(0 <= at_us <= LATEST_US for at_us in (person.created_us, person.updated_us)):
        raise UsageError(f"{person.person_id!r} was enrolled at a time that nothing can have.")
    return person


def checked_person_id(text: str) -> str:
    """A person's id in its one normal form (Unicode NFC, no spaces around it).

    Returns:
        The id: 1 to 128 characters, all printable, none of / \\ : * ? " < > |, not starting with a dot.

    Raises:
        UsageError: when the text cannot be an id; the sentence says why.
    """
    person_id = unicodedata.normalize("NFC", text).strip()
    if not person_id:
        raise UsageError("A person's id is empty; give it at least one character.")
    if len(person_id) > MAX_ID_LENGTH:
        raise UsageError(
            f"The person's id {person_id[:24]!r}... is longer than {MAX_ID_LENGTH} characters; shorten it."
        )
    if person_id.startswith(".") or not person_id.isprintable() or FORBIDDEN_IN_ID & set(person_id):
        raise UsageError(
            f"{person_id!r} cannot be a person's id; use letters, digits, spaces, - and _, "
            'none of / \\ : * ? " < > | and no dot at the start.'
        )
    return person_id
