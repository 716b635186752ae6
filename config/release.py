"""Which release this is."""

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from config.paths import BASE_DIR


def version() -> str:
    """The version of the installed package, or of the checkout; 'unknown' where nobody tells."""
    try:
        return installed_version("holdfast")
    except PackageNotFoundError:
        pass
    try:
        with (BASE_DIR / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"
