"""The signature by which an installation knows what it wrote itself: a key that never leaves the user's folder."""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path

_BYTES = 32


def key_path() -> Path:
    """Where the key lies: in the folder that the system has for a user's settings, such as ``~/.config/lossatlas``."""
    return user_config_path("lossatlas") / "key"


def signature(content: bytes) -> str | None:
    """HMAC-SHA256 of ``content`` under the key, in hexadecimal; None where no key can be kept.

    The key is drawn when it is first needed.
    """
    key = _key() or _new_key()
    return None if key is None else _hmac(key, content)


def is_signed(content: bytes, signature: str | None) -> bool:
    """Whether ``signature`` is this installation's own for ``content``; no key is made for that."""
    key = _key()
    return key is not None and signature is not None and hmac.compare_digest(_hmac(key, content), signature)


def _hmac(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _key() -> bytes | None:
    try:
        key = key_path().read_bytes()
    except OSError:
        return None
    return key if len(key) == _BYTES else None


def _new_key() -> bytes | None:
    """Keep a new key, unless another process has just done so; None where the user's folder cannot be written to."""
    path = key_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key.")  # which others cannot read
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
            with suppress(FileExistsError):
                os.link(temporary, path)  # whole at once, and never in place of another
        finally:
            os.unlink(temporary)
    except OSError:
        return None
    return _key()
