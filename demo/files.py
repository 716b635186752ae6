"""What the demo model sees of attached files: the names, the lines of texts, and the headers of pictures.

Written apart from `agents/transcript`: it knows only what stands in a request.
"""

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(
    r"^\[Attached (?P<kind>image|file): (?P<name>[^\n]+?)(?:, (?P<lines>\d+) lines)?(?P<unseen>\. [A-Z][^\n]*)?\]$"
    r"(?:\n(?P<fence>`{3,})\n(?s:.*?)\n(?P=fence)$)?",
    re.MULTILINE,
)
_DATA = re.compile(r"data:image/(?P<kind>[a-z]+);base64,(?P<data>[A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class File:
    """One file of a request. `size`: of a picture whose header could be read; `shown` False: only named."""

    name: str
    image: bool
    lines: int = 0
    size: tuple[int, int] | None = None
    shown: bool = True


def without_files(content: Any) -> tuple[str, list[File]]:
    """What a person wrote, and the files that came with it."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    said: list[str] = []
    files: list[File] = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "image_url":
            size = picture_size(str((part.get("image_url") or {}).get("url", "")))
            name = files.pop().name if files and files[-1].image else "image"
            files.append(File(name, True, size=size))
            continue
        text = str(part.get("text", ""))
        files += [_file(found) for found in _LINE.finditer(text)]
        said.append(_LINE.sub("", text).strip())
    return "\n".join(piece for piece in said if piece), files


def _file(found: "re.Match[str]") -> File:
    shown = found["unseen"] is None
    return File(found["name"], found["kind"] == "image", int(found["lines"] or 0), shown=shown)


def picture_size(url: str) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG or WebP data URL, from its header; None if they cannot be told."""
    found = _DATA.match(url)
    if found is None:
        return None
    try:
        data = base64.b64decode(found["data"], validate=True)
        if data.startswith(b"\x89PNG"):
            width, height = struct.unpack(">II", data[16:24])
            return width, height
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data[12:16] == b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        if data[12:16] == b"VP8 ":
            width, height = struct.unpack("<HH", data[26:30])
            return width & 0x3FFF, height & 0x3FFF
    except (binascii.Error, struct.error, IndexError):
        pass
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def described(files: list[File], chinese: bool) -> list[str]:
    """One sentence for each file."""
    return [_in_chinese(file) if chinese else _in_english(file) for file in files]


def _in_english(file: File) -> str:
    if not file.shown:
        return f"I was told of **{file.name}**, but did not get to see it."
    if not file.image:
        return f"I received a text file, **{file.name}**, with {file.lines} line{'s' * (file.lines != 1)}."
    size = f", {file.size[0]}×{file.size[1]} pixels" if file.size else ""
    return f"I received an image, **{file.name}**{size}."


def _in_chinese(file: File) -> str:
    if not file.shown:
        return f"我只看到了文件名 **{file.name}**，没有看到内容。"
    if not file.image:
        return f"我收到了文本文件 **{file.name}**，共 {file.lines} 行。"
    size = f"，{file.size[0]}×{file.size[1]} 像素" if file.size else ""
    return f"我收到了图片 **{file.name}**{size}。"
