"""Seals a person's record with a key of its own, and that key with the site key (AES-256-GCM)."""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import OnlookerError

MAGIC = b"ONLKPER1"
"""First bytes of a person's file; the last is the version of the format."""
KEY_ID_BYTES = 16
NONCE_BYTES = 12
HEADER_BYTES = len(MAGIC) + KEY_ID_BYTES + NONCE_BYTES


class SealBrokenError(OnlookerError):
    """A file that does not open with this key: damaged, changed, or of another site."""


def file_stem(person_id: str, site_key: bytes) -> str:
    """The name of a person's file; without the site key it does not tell who is enrolled.

    Args:
        person_id: the person.
        site_key: 32 bytes.

    Returns:
        32 hexadecimal digits, HMAC-SHA256 of the id.
    """
    return hmac.new(site_key, b"file:" + person_id.encode(), hashlib.sha256).hexdigest()[:32]


def new_key() -> tuple[bytes, bytes]:
    """A key for one person's file.

    Returns:
        The id of the key (16 bytes, random, no secret) and the key (32 bytes).
    """
    return secrets.token_bytes(KEY_ID_BYTES), AESGCM.generate_key(bit_length=256)


def wrap_key(data_key: bytes, key_id: bytes, site_key: bytes) -> bytes:
    """The person's key, sealed with the site key.

    Args:
        data_key: 32 bytes.
        key_id: 16 bytes; bound to the result.
        site_key: 32 bytes.

    Returns:
        Nonce and sealed key, 60 bytes.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(site_key).encrypt(nonce, data_key, b"key:" + MAGIC + key_id)


def unwrap_key(wrapped: bytes, key_id: bytes, site_key: bytes) -> bytes:
    """The person's key, 32 bytes, out of its seal.

    Args:
        wrapped: as made by `wrap_key`.
        key_id: 16 bytes.
        site_key: 32 bytes.

    Raises:
        SealBrokenError: when it was changed or belongs to another site key.
    """
    return _opened(wrapped, b"key:" + MAGIC + key_id, site_key)


def seal(body: bytes, *, stem: str, key_id: bytes, data_key: bytes) -> bytes:
    """A person's file.

    Args:
        body: what is to be kept secret.
        stem: name of the file without its ending; bound to the result, as is the version.
        key_id: 16 bytes, written in clear so that the key can be found.
        data_key: 32 bytes.

    Returns:
        Magic, key id, nonce, ciphertext with tag.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(data_key).encrypt(nonce, body, MAGIC + key_id + stem.encode())
    return MAGIC + key_id + nonce + sealed


def key_id_of(content: bytes) -> bytes:
    """The id, 16 bytes, of the key that opens a person's whole file.

    Raises:
        SealBrokenError: when this is no person's file or one of an unknown version.
    """
    if len(content) <= HEADER_BYTES or not content.startswith(MAGIC):
        raise SealBrokenError("it is cut short or is not a person's file of this version")
    return content[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES]


def unseal(content: bytes, *, stem: str, data_key: bytes) -> bytes:
    """What a person's file holds: the body that was sealed.

    Args:
        content: the whole file.
        stem: its name without the ending.
        data_key: 32 bytes.

    Raises:
        SealBrokenError: when file, name or key do not belong together.
    """
    key_id = key_id_of(content)
    return _opened(content[len(MAGIC) + KEY_ID_BYTES :], MAGIC + key_id + stem.encode(), data_key)


def _opened(sealed: bytes, bound: bytes, key: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("it was changed, or the site key is not the one it was made with") from error
