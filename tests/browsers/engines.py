"""The browsers beside Chromium, as Debian has them: found, or installed by apt where that may be done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from scripts.prepare import apt_install, can_apt
from tests.browsers.bidi import Firefox
from tests.browsers.classic import WebKit

#: Which Debian packages a browser is made of.
PACKAGES = {"firefox": ("firefox-esr",), "webkit": ("webkit2gtk-driver", "xvfb")}


class NotThere(Exception):
    """A browser is missing and cannot be installed; the text says which packages to install."""


def find_firefox() -> Callable[[], Firefox] | None:
    """Starts Firefox; None where there is none."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    return (lambda: Firefox(path)) if path else None


def find_webkit() -> Callable[[], WebKit] | None:
    """Starts WebKit's small browser by its driver, on a screen of its own; None where one of the three is missing."""
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    browsers = sorted(str(path) for path in Path("/usr/lib").glob("**/webkit2gtk-4.*/MiniBrowser"))
    if not driver or not screen or not browsers:
        return None
    return lambda: WebKit(driver, browsers[-1], screen)


FIND: dict[str, Callable[[], Callable[[], Firefox | WebKit] | None]] = {
    "firefox": find_firefox,
    "webkit": find_webkit,
}


def starter(name: str) -> Callable[[], Firefox | WebKit]:
    """What starts this browser, installed first where it is missing. Raises NotThere."""
    if found := FIND[name]():
        return found
    packages = PACKAGES[name]
    if can_apt():
        print(f"Installing {' and '.join(packages)} …", flush=True)
        if apt_install(*packages) and (found := FIND[name]()):
            return found
    raise NotThere(f"Not there, and apt could not install it. Install the packages {' '.join(packages)}.")
