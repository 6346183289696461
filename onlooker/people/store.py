"""The gallery on disk: one sealed file a person, its key in a file of its own."""

from pathlib import Path

import msgspec

from onlooker.people.files import erase, own_folder, private_folder
from onlooker.people.records import PersonRecord, checked
from onlooker.people.sealing import (
    KEY_ID_BYTES,
    SealBrokenError,
    file_stem,
    key_id_of,
    new_key,
    seal,
    unseal,
    unwrap_key,
    wrap_key,
)
from onlooker.people.site_key import create_site_key, read_site_key
from schemas.durable import write_whole
from schemas.errors import UsageError
from schemas.files import words_of
from schemas.foreign import read_bounded
from schemas.names import quoted

PERSON_ENDING = ".person"
KEY_ENDING = ".key"
KEYS_FOLDER = "keys"
SITE_KEY_NAME = "site.key"
MOST_PERSON_BYTES = 16 * 1024 * 1024
"""Thirty thousand pictures of one person; nobody enrols more."""
MOST_KEY_BYTES = 4096


class Damaged(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the gallery that could not be opened, and why."""

    file: str
    reason: str

    @property
    def sentence(self) -> str:
        """What the operator should know and do."""
        return (
            f"{self.file} in the gallery does not open and is skipped: {self.reason}. "
            "Restore it from a copy, or enrol that person again."
        )


class GalleryContents(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a gallery holds: people in the order of their ids, and what did not open."""

    people: tuple[PersonRecord, ...]
    damaged: tuple[Damaged, ...]


class GalleryStore:
    """Keeps enrolled people in a folder.

    Layout: `FOLDER/<name>.person` sealed with the person's own key, `FOLDER/keys/<id>.key` that key
    sealed with the site key. Destroying the small key file makes every copy of the person's file
    unreadable for ever, backups included.
    """

    def __init__(self, folder: Path, site_key: bytes) -> None:
        self._folder = folder
        self._keys = folder / KEYS_FOLDER
        self._site_key = site_key

    def write(self, record: PersonRecord) -> None:
        """Keep a person; what was kept of the same id before is replaced and its key destroyed."""
        private_folder(self._folder)
        own_folder(self._keys)
        path = self._path_of(record.person_id)
        outdated = self._key_path_of(path)
        key_id, data_key = new_key()
        # First the key, then the file that names it: a crash in between leaves the old person whole.
        write_whole(self._key_path(key_id), wrap_key(data_key, key_id, self._site_key), private=True)
        body = msgspec.msgpack.encode(record)
        sealed = seal(body, stem=path.stem, key_id=key_id, data_key=data_key)
        write_whole(path, sealed, private=True)
        if outdated is not None:
            erase(outdated)

    def forget(self, person_id: str) -> bool:
        """Erase a person: first the key, then the file; False when there was nothing to erase."""
        path = self._path_of(person_id)
        if not path.exists() and not path.is_symlink():
            return False
        if self._keys.is_symlink():
            own_folder(self._keys)
        key_path = self._key_path_of(path)
        if key_path is not None:
            erase(key_path)
        erase(path)
        return True

    def read(self, person_id: str) -> PersonRecord | None:
        """One person; None when nobody of that id is enrolled.

        Raises:
            SealBrokenError: when the file does not open.
        """
        path = self._path_of(person_id)
        return self._open(path) if path.exists() else None

    def check_site_key(self) -> None:
        """Make sure that the site key is the one of this gallery.

        Raises:
            UsageError: when there are keys of people, and it opens none of them.
        """
        keys = [path for path in self._keys.glob(f"*{KEY_ENDING}") if len(path.stem) == 2 * KEY_ID_BYTES]
        if keys and not any(map(self._unwraps, keys)):
            raise UsageError(
                f"The site key is not the one that the gallery {self._folder} was made with. "
                "Put the right key file back or name it with --site-key."
            )

    def _unwraps(self, key_path: Path) -> bool:
        try:
            wrapped = read_bounded(key_path, MOST_KEY_BYTES, "key")
            unwrap_key(wrapped, bytes.fromhex(key_path.stem), self._site_key)
        except (OSError, ValueError, UsageError, SealBrokenError):
            return False
        return True

    def contents(self) -> GalleryContents:
        """Everybody, in the order of their ids, and every file that did not open."""
        people: list[PersonRecord] = []
        damaged: list[Damaged] = []
        for path in sorted(self._folder.glob(f"*{PERSON_ENDING}")):
            try:
                people.append(self._open(path))
            except SealBrokenError as error:
                damaged.append(Damaged(file=path.name, reason=str(error)))
        return GalleryContents(
            people=tuple(sorted(people, key=lambda person: person.person_id)), damaged=tuple(damaged)
        )

    def _open(self, path: Path) -> PersonRecord:
        try:
            content = read_bounded(path, MOST_PERSON_BYTES, "person of a gallery")
            key_id = key_id_of(content)
            wrapped = read_bounded(self._key_path(key_id), MOST_KEY_BYTES, "key")
            data_key = unwrap_key(wrapped, key_id, self._site_key)
            body = unseal(content, stem=path.stem, data_key=data_key)
            return checked(msgspec.msgpack.decode(body, type=PersonRecord))
        except FileNotFoundError as error:
            raise SealBrokenError("its key is gone") from error
        except OSError as error:
            raise SealBrokenError(f"it cannot be read ({words_of(error)})") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SealBrokenError("its content is not a person of this version") from error
        except UsageError as error:
            raise SealBrokenError(str(error).rstrip(".")) from error

    def _path_of(self, person_id: str) -> Path:
        return self._folder / (file_stem(person_id, self._site_key) + PERSON_ENDING)

    def _key_path(self, key_id: bytes) -> Path:
        return self._keys / (key_id.hex() + KEY_ENDING)

    def _key_path_of(self, person_path: Path) -> Path | None:
        """Where the key of an existing file lies; None when there is no file or it names no key."""
        try:
            content = read_bounded(person_path, MOST_PERSON_BYTES, "person of a gallery")
            return self._key_path(key_id_of(content))
        except (FileNotFoundError, UsageError, SealBrokenError):
            return None


def open_store(folder: Path, site_key_path: Path | None = None) -> GalleryStore:
    """A gallery that exists; its site key is by default `site.key` inside it.

    Raises:
        UsageError: when there is no such gallery, or its site key is missing or unsafe.
    """
    key_path = site_key_path or folder / SITE_KEY_NAME
    if not folder.is_dir() or not (key_path.exists() or any(folder.glob(f"*{PERSON_ENDING}"))):
        raise UsageError(f"There is no gallery at {quoted(folder)}. Make one with `onlooker people enrol`.")
    return GalleryStore(folder, read_site_key(key_path))


def open_or_create_store(folder: Path, site_key_path: Path | None = None) -> GalleryStore:
    """A gallery to enrol into; folder and key (by default its `site.key`) are made at the first enrolment.

    Raises:
        UsageError: when people are enrolled already and their site key is missing or unsafe.
    """
    key_path = site_key_path or folder / SITE_KEY_NAME
    enrolled = folder.is_dir() and any(folder.glob(f"*{PERSON_ENDING}"))
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{quoted(folder)} is not a folder; name a folder for the gallery.")
    if key_path.exists() or enrolled:
        return GalleryStore(folder, read_site_key(key_path))
    private_folder(folder)
    return GalleryStore(folder, create_site_key(key_path))
