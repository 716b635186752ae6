"""What an uploaded file is, by a look at its bytes: a picture that Pillow reads, or text; everything else is refused.

Neither the name nor the media type that a client gives is believed. Pure, but for the process that
decodes pictures.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from chat.files.pictures import BadPicture, pictures

#: Characters of a name that is kept; its extension is among them.
NAME_CHARS = 120
#: First bytes of the pictures that are taken, and what Pillow calls them.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WEBP"),
)
_MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_IMAGE_NAME = re.compile(r"\.(png|jpe?g|gif|webp|bmp|tiff?|ico|heic|heif|avif)$", re.IGNORECASE)
#: Kinds of text that have a name of their own. HTML and SVG are not among them: to us they are plain text.
_TEXTS = {"md": "text/markdown", "markdown": "text/markdown", "csv": "text/csv", "json": "application/json"}
#: Control characters that no text has (tab, line breaks, form feed and escape aside).
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")

Problem = Literal["empty", "too_large", "too_many_pixels", "broken_image", "not_text", "wrong_type"]


class UnfitFile(Exception):
    """The file cannot be taken; the text says why and what to do."""

    def __init__(self, code: Problem, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class FileLimits:
    """Bytes of a file, and pixels of a picture (width times height)."""

    size: int
    pixels: int


def media_type(name: str, data: bytes, limits: FileLimits) -> str:
    """The media type of a file, by its bytes. Raises UnfitFile."""
    if not data:
        raise UnfitFile("empty", "The file is empty.")
    if len(data) > limits.size:
        raise UnfitFile("too_large", f"The file is larger than {limits.size // 1_000_000} MB.")
    for magic, form in _MAGIC:
        if re.match(magic, data, re.DOTALL):
            _check_image(data, form, limits.pixels)
            return _MEDIA[form]
    if _IMAGE_NAME.search(name):
        raise UnfitFile("wrong_type", "This is no PNG, JPEG, GIF or WebP picture, whatever its name says.")
    _check_text(data)
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    return _TEXTS.get(extension, "text/plain")


def _check_image(data: bytes, form: str, pixels: int) -> None:
    try:
        pictures.check(data, form, pixels)
    except BadPicture as problem:
        if problem.code == "too_many_pixels" and "width" in problem.told:
            size = f"{problem.told['width']} × {problem.told['height']}"
            told = f"The picture has {size} pixels; {pixels // 1_000_000} million are the most."
            raise UnfitFile("too_many_pixels", told) from None
        if problem.code == "too_many_pixels":
            raise UnfitFile("too_many_pixels", "The picture has far too many pixels.") from None
        raise UnfitFile("broken_image", "The picture is damaged, or not what it seems to be.") from None


def _check_text(data: bytes) -> None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if _BINARY.search(text) or text.startswith("%PDF-"):
        raise UnfitFile(
            "not_text", "Only pictures (PNG, JPEG, GIF, WebP) and text files in UTF-8 can be attached."
        )


def clean_name(name: str) -> str:
    """A name to show and to offer for downloads: no folders, no control characters, no tricks with direction.

    >>> clean_name("../../etc/pass\\u202ewd\\n")
    'passwd'
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(c for c in base if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    shown = " ".join(shown.split()).strip(". ")
    if len(shown) > NAME_CHARS:
        stem, dot, extension = shown.rpartition(".")
        end = f"{dot}{extension}" if dot and len(extension) <= 10 else ""
        shown = (stem if end else shown)[: NAME_CHARS - len(end) - 1] + "…" + end
    return shown or "file"
