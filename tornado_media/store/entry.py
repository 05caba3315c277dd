"""The form of a kept result: its content, then a footer that says what it is and proves that all is there.

    entry   = content meta trailer        so the content lies at offset 0, ready for sendfile(2)
    meta    = JSON in UTF-8               an object with the fields of `Meta`
    trailer = magic meta-length digest    8 bytes, 4 bytes big-endian, BLAKE2b-128 of meta

Content and footer are one file, so one rename commits both. Pure: bytes in, values out. Nothing that is
read here is believed before its digest fits; nothing raises, whatever the bytes are.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b

SMALL = 1024 * 1024
"""Bytes of content up to which a result is read whole, checked by its digest, and held in memory."""

MAX_FOOTER = 4096
"""Bytes that a footer may have; a reader looks at no more than these."""

_MAGIC = b"tornmed\x01"
_trailer = struct.Struct(">8sI16s")
_key = re.compile(r"[0-9a-f]{32}")
# https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.3; a strong one, and nothing that ends a field.
_entity_tag = re.compile(r'"[\x21\x23-\x7e]*"')


@dataclass(frozen=True, slots=True)
class Meta:
    """What an entry says of its content.

    Args:
        key: of the plan that it is the result of, 32 hexadecimal digits.
        preset: the preset's name.
        media_type: of the content.
        entity_tag: strong, with its quotes.
        length: bytes of the content.
        digest: `digest_of` the content where it is small, else None.
    """

    key: str
    preset: str
    media_type: str
    entity_tag: str
    length: int
    digest: str | None


def digest_of(content: bytes | memoryview) -> str:
    """32 hexadecimal digits (BLAKE2b, RFC 7693) that change with any bit of the content."""
    return blake2b(content, digest_size=16).hexdigest()


def is_key(name: str) -> bool:
    """Whether this is the form of a plan's key, and of the digest that names a source's folder."""
    return _key.fullmatch(name) is not None


def footer_of(meta: Meta) -> bytes:
    """The footer for a content.

    Raises:
        ValueError: it cannot be kept: `meta_of` would not take it back.
    """
    text = json.dumps(asdict(meta)).encode()
    footer = text + _trailer.pack(_MAGIC, len(text), blake2b(text, digest_size=16).digest())
    if meta_of(footer, meta.length + len(footer)) != meta:
        raise ValueError(f"this cannot be written into a footer: {meta}")
    return footer


def entry_length(meta: Meta) -> int:
    """Bytes of content and footer, also before the digest is known."""
    whole = replace(meta, digest="0" * 32 if meta.length <= SMALL else None)
    return meta.length + len(footer_of(whole))


def meta_of(tail: bytes | memoryview, size: int) -> Meta | None:
    """What an entry says of itself, or None when it is none, or not a whole one.

    Args:
        tail: the last bytes of the file: `MAX_FOOTER` of them, or all that there are.
        size: bytes of the whole file.
    """
    text = _meta_text(bytes(tail[-MAX_FOOTER:]))
    if text is None:
        return None
    try:
        fields = json.loads(text)
        meta = Meta(**fields) if isinstance(fields, dict) else None
    except (ValueError, TypeError, RecursionError):
        return None
    if meta is None or not _is_sound(meta) or meta.length + len(text) + _trailer.size != size:
        return None
    return meta


def _meta_text(tail: bytes) -> bytes | None:
    """The meta whose digest fits."""
    if len(tail) < _trailer.size:
        return None
    magic, length, digest = _trailer.unpack(tail[-_trailer.size :])
    text = tail[: -_trailer.size][-length:]
    if magic != _MAGIC or len(text) != length or blake2b(text, digest_size=16).digest() != digest:
        return None
    return text


def _is_sound(meta: Meta) -> bool:
    """Whether the fields have their types and forms: another version of us may have written them."""
    texts = (meta.key, meta.preset, meta.media_type, meta.entity_tag)
    return (
        all(isinstance(text, str) for text in texts)
        and is_key(meta.key)
        and _entity_tag.fullmatch(meta.entity_tag) is not None
        and type(meta.length) is int
        and meta.length >= 0
        and isinstance(meta.digest, str if meta.length <= SMALL else type(None))
    )
