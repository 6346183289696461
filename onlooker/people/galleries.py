"""Opens a gallery for recognition."""

from pathlib import Path

from onlooker.people.store import Damaged, open_store
from processors.observe.identity import Gallery
from schemas.errors import UsageError


def load_gallery(
    folder: Path, model_digest: str, site_key_path: Path | None = None
) -> tuple[Gallery, tuple[Damaged, ...]]:
    """The people of a gallery, ready to be compared with faces.

    Args:
        folder: the gallery.
        model_digest: SHA-256 of the network that will make the faces' templates.
        site_key_path: the site key; by default `site.key` inside the gallery.

    Returns:
        The gallery, and the files that do not open and are left out, to be told to the operator.

    Raises:
        UsageError: when there is no gallery, its site key is missing or wrong, or its templates were made by
            another network.
    """
    store = open_store(folder, site_key_path)
    store.check_site_key()
    contents = store.contents()
    people = contents.people
    foreign = [person.person_id for person in people if person.model_digest != model_digest]
    if foreign:
        raise UsageError(
            f"{len(foreign)} of {len(people)} people in {folder} were enrolled with another face model, "
            "and templates of two models cannot be compared. Enrol them again from their pictures with "
            "`onlooker people enrol`."
        )
    return Gallery({person.person_id: person.templates for person in people}), contents.damaged
