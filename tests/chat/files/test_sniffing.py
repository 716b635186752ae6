"""What a file is, by its bytes: honest files of every kind, and files that lie (rule W11)."""

from __future__ import annotations

import pytest

from chat.files.sniffing import FileLimits, UnfitFile, clean_name, media_type
from tests.support.pictures import animation, bomb, picture

LIMITS = FileLimits(size=1_000_000, pixels=1_000_000)
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_known_by_their_bytes_whatever_their_name(form):
    for name in ("photo.png", "photo", "photo.txt"):
        assert media_type(name, picture(form), LIMITS) == f"image/{form.lower()}"
    assert media_type("moves.gif", animation(), LIMITS) == "image/gif"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("notes.md", "text/markdown"),
        ("table.csv", "text/csv"),
        ("data.json", "application/json"),
        ("main.py", "text/plain"),
        ("page.html", "text/plain"),
        ("drawing.svg", "text/plain"),
        ("Makefile", "text/plain"),
    ],
)
def test_text_is_text_and_never_a_page(name, kind):
    assert media_type(name, "grüße 你好\tok\r\n".encode(), LIMITS) == kind
    assert media_type(name, HTML, LIMITS) == kind


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.txt", b"", "empty"),
        ("photo.png", HTML, "wrong_type"),
        ("photo.jpeg", b"just text", "wrong_type"),
        ("photo.heic", b"text", "wrong_type"),
        ("photo.png", picture()[:40], "broken_image"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + HTML, "broken_image"),
        ("photo.webp", b"RIFF\x10\0\0\0WEBP" + HTML, "broken_image"),
        ("photo.jpg", b"\xff\xd8\xff" + bytes(100), "broken_image"),
        ("bomb.png", bomb(), "too_many_pixels"),
        ("wide.png", bomb(1_000_001, 1), "too_many_pixels"),
        ("program.exe", b"MZ\x90\0\x03", "not_text"),
        ("archive.txt", b"PK\x03\x04\0\0", "not_text"),
        ("latin.txt", "grüße".encode("latin-1"), "not_text"),
        ("wide.txt", "text".encode("utf-16"), "not_text"),
        ("book.pdf", b"%PDF-1.4 all in ascii", "not_text"),
        ("long.txt", b"x" * 1_000_001, "too_large"),
    ],
)
def test_W11_a_file_that_is_not_what_it_should_be_is_refused_with_words(name, data, code):
    with pytest.raises(UnfitFile) as refused:
        media_type(name, data, LIMITS)
    assert refused.value.code == code and refused.value.detail.endswith(".")


def test_a_picture_damaged_at_any_byte_is_refused_or_still_a_picture():
    whole, codes = picture("PNG"), set()
    for place in range(len(whole)):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            assert media_type("x", damaged, LIMITS) == "image/png"
        except UnfitFile as refused:
            codes.add(refused.code)
    assert codes <= {"broken_image", "not_text", "too_many_pixels"}


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("a\0b\r\nSet-Cookie: x.txt", "abSet-Cookie x.txt".replace("Cookie x", "Cookie: x")),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("..", "file"),
        ("", "file"),
        ("  日记 .md ", "日记 .md"),
        ("/", "file"),
        ("\ud800x.txt", "x.txt"),
    ],
)
def test_a_name_has_no_folders_and_no_tricks(name, clean):
    assert clean_name(name) == clean


def test_a_long_name_keeps_its_extension():
    assert clean_name("x" * 500 + ".tar").endswith("….tar") and len(clean_name("x" * 500 + ".tar")) == 120
    assert len(clean_name("x." + "y" * 500)) == 120
