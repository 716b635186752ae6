"""Small pictures and texts to attach, and files that lie about what they are."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image


def picture(form: str = "PNG", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    """A picture in one of Pillow's formats."""
    out = BytesIO()
    Image.new("RGB", size, (200, 80, 40)).save(out, form, **options)
    return out.getvalue()


def animation(frames: int = 3) -> bytes:
    """A GIF that moves."""
    out = BytesIO()
    images = [Image.new("RGB", (20, 10), (number * 60, 0, 0)) for number in range(frames)]
    images[0].save(out, "GIF", save_all=True, append_images=images[1:])
    return out.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few bytes that would unpack to gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
