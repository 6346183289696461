"""Opens a gallery for recognition."""

from pathlib import Path

from onlooker.people.store import Damaged, open_store
from processors.observe.identity import Gallery
from schemas.errors import UsageError


def load_gallery(folder: Path, model_digest: str, *, site_key_path: Path | None = None) -> Gallery:
    """The people of a gallery, ready to be compared with faces.

    Args:
        folder: the gallery.
        model_digest: SHA-256 of the network that will make the faces' templates.
        site_key_path: the site key; by default `site.key` inside the gallery.

    Returns:
        The gallery; files that do not open are left out (see `damaged_files`).

    Raises:
        UsageError: when there is no gallery, its site key is missing or wrong, or its templates were made by
            another network.
    """
    store = open_store(folder, site_key_path)
    store.check_site_key()
    people = store.contents().people
    foreign = [person.person_id for person in people if person.model_digest != model_digest]
    if foreign:
        raise UsageError(
            f"{len(foreign)} of {len(people)} people in {folder} were enrolled with another face model, "
            "and templates of two models cannot be compared. Enrol them again from their pictures with "
            "`onlooker people enrol`."
        )
    return Gallery({person.person_id: person.templates for person in people})


def damaged_files(folder: Path, *, site_key_path: Path | None = None) -> tuple[Damaged, ...]:
    """The files of a gallery that do not open, to be told to the operator.

    Args:
        folder: the gallery.
        site_key_path: the site key; by default `site.key` inside the gallery.

    Returns:
        Files with reasons.
    """
    return open_store(folder, site_key_path).contents().damaged
