"""The builder of the image's file tree keeps to Docker's rules, and fails where a real build would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import image


def build(folder: Path, dockerfile: str, ignored: str, *files: str) -> set[str]:
    """Build a small image; the files that it has."""
    for file in files:
        (folder / "src" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "src" / file).write_text(file)
    (folder / "src" / ".dockerignore").write_text(ignored)
    subprocess.run(["git", "init", "-q"], cwd=folder / "src", check=True)
    sent = image.context(folder / "src", folder)
    image.build(image.stages(dockerfile)[-1], sent, folder / "root", {})
    return {
        path.relative_to(folder / "root").as_posix()
        for path in (folder / "root").rglob("*")
        if path.is_file()
    }


def test_a_folder_is_copied_by_its_content(tmp_path: Path) -> None:
    dockerfile = "FROM x\nWORKDIR /app\nCOPY a/ b/\nCOPY one.txt two.txt ./\nCOPY one.txt /other.txt\n"
    made = build(tmp_path, dockerfile, "", "a/x", "a/deep/y", "one.txt", "two.txt", "left.txt")
    assert made == {"app/b/x", "app/b/deep/y", "app/one.txt", "app/two.txt", "other.txt"}


def test_what_is_not_let_through_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(image.BuildFailed, match="COPY templates/: not in the build context"):
        build(tmp_path, "FROM x\nCOPY templates/ /t/\n", "*\n!a/\n", "a/x", "templates/page.html")


def test_a_file_inside_a_folder_can_be_kept_out(tmp_path: Path) -> None:
    ignored = "*\n!a/\na/secret\n**/*.pem\n"
    assert build(tmp_path, "FROM x\nCOPY a/ /a/\n", ignored, "a/x", "a/secret", "a/b/key.pem") == {"a/x"}
