"""Processes whose clock is wrong, by libfaketime (Debian: `faketime`). Only the time of day: monotonic clocks stay."""

from __future__ import annotations

from pathlib import Path

MISSING = "libfaketime is needed for the tests and was not found. Install the package `faketime`."


def find_faketime() -> Path | None:
    """The library to preload."""
    folders = [Path("/usr/lib"), Path("/usr/local/lib"), Path("/opt/homebrew/lib")]
    for folder in folders:
        for found in (*folder.glob("faketime/libfaketimeMT.*"), *folder.glob("*/faketime/libfaketimeMT.*")):
            return found
    return None


def off_by(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is ahead by so many seconds (behind, if negative)."""
    library = find_faketime()
    if library is None:
        raise RuntimeError(MISSING)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "0",
        # Waits by the monotonic clock are right as they are: "mended", they end at once, again and again.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


#: The environment of a process whose clock is right again.
RIGHT = {"LD_PRELOAD": "", "FAKETIME": ""}
