"""Where Holdfast's own files are: beside the packages in a checkout and in the image, inside `config` in a wheel.

Standard library only: the supervisor asks before Django is set up.
"""

from __future__ import annotations

from pathlib import Path

#: The folder of the packages: the checkout, /app in the image, site-packages of a wheel.
BASE_DIR = Path(__file__).resolve().parent.parent
#: Whether this is an installed wheel. manage.py belongs to checkouts and images only.
INSTALLED = not (BASE_DIR / "manage.py").exists()
#: Holds `templates`, `locale` and `frontend/dist` (pyproject.toml puts them there in a wheel).
FILES = BASE_DIR / "config" / "files" if INSTALLED else BASE_DIR
#: The data folder unless HOLDFAST_DATA names another. Nothing is ever written beside installed packages.
DEFAULT_DATA = Path("~/.local/share/holdfast").expanduser() if INSTALLED else BASE_DIR / "data"
