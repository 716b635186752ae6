"""Which entrances are installed: the apps in `chat/entrances/`, and those that packages name.

A package names the AppConfig of its entrance by an entry point, under the name of the entrance:

    [project.entry-points."holdfast.entrances"]
    pager = "holdfast_pager.apps.PagerConfig"

What else a package has of Django (the tables of a tool, its pages in the admin, static files) is an app that it names
under `holdfast.apps`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured

GROUP = "holdfast.entrances"
APPS = "holdfast.apps"


@dataclass(frozen=True)
class Installed:
    """The apps to install, and the names of entrances that are switched off and could not be loaded: left out."""

    apps: tuple[str, ...]
    left_out: frozenset[str]


def built_in(root: Path) -> list[str]:
    """The apps in `chat/entrances/`, by name."""
    found = iter_modules([str(root / "chat" / "entrances")])
    return sorted(f"chat.entrances.{one.name}" for one in found if one.ispkg)


def installed(root: Path, disabled: Collection[str], points: Iterable[EntryPoint] | None = None) -> Installed:
    """All entrances of this installation. `points`: of packages, those that are installed if None.

    Raises ImproperlyConfigured, with the name of the package, for one that cannot be loaded and is not switched off.
    """
    named = entry_points(group=GROUP) if points is None else points
    apps, left_out = built_in(root), set()
    for point in sorted(named, key=lambda one: (one.name, one.value)):
        try:
            apps.append(_config(point))
        except Exception as problem:
            if point.name not in disabled:
                raise ImproperlyConfigured(
                    f"The entrance {point.name!r} of {_package(point)} cannot be loaded: {point.value}: "
                    f"{type(problem).__name__}: {problem}. Install what it needs, uninstall the package, or set "
                    f"HOLDFAST_DISABLED_ENTRANCES={point.name} to start without it."
                ) from problem
            left_out.add(point.name)
    return Installed(tuple(apps), frozenset(left_out))


def other_apps(points: Iterable[EntryPoint] | None = None) -> list[str]:
    """The apps of packages that are no entrances. `points`: those that are installed if None.

    Raises ImproperlyConfigured, with the name of the package, for one that cannot be loaded.
    """
    named = entry_points(group=APPS) if points is None else points
    apps = []
    for point in sorted(named, key=lambda one: (one.name, one.value)):
        try:
            apps.append(_config(point))
        except Exception as problem:
            raise ImproperlyConfigured(
                f"The app {point.name!r} of {_package(point)} cannot be loaded: {point.value}: "
                f"{type(problem).__name__}: {problem}. Install what it needs, or uninstall the package."
            ) from problem
    return apps


def _config(point: EntryPoint) -> str:
    """The dotted name of an AppConfig that can be imported."""
    module, _, name = point.value.replace(":", ".").strip().rpartition(".")
    found = getattr(import_module(module), name)
    if not (isinstance(found, type) and issubclass(found, AppConfig)):
        raise TypeError(f"{point.value} is no AppConfig")
    return f"{module}.{name}"


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an installed package"
