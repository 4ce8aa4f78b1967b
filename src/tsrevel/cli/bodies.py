"""Bodies of webhook deliveries, read from a file or standard input: bounded, whatever is at the other end."""

from __future__ import annotations

from typing import BinaryIO

from tsrevel.errors import BodyTooLarge

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes. Real ones may have 3 MB and more (facts TripleSeat 6.3)."""
_CHUNK = 256 * 1024


def read_body(source: BinaryIO) -> bytes:
    """All of `source`. Raises BodyTooLarge once there is one byte more than LARGEST_BODY, and reads no further."""
    chunks, room = [], LARGEST_BODY + 1
    while room and (chunk := source.read(min(_CHUNK, room))):
        chunks.append(chunk)
        room -= len(chunk)
    if not room:
        raise BodyTooLarge(LARGEST_BODY)
    return b"".join(chunks)
