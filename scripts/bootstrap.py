"""First step of `make run` and `make test`: needs nothing but a Python, and says in one line if it is too old.

Kept to what old Pythons can parse; everything else is in scripts/prepare.py.
"""

import os
import sys

NEEDED = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def newer_python():
    """The path of a Python in PATH that is new enough, None if there is none."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in NEWER:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
    return None


if tuple(sys.version_info[:2]) < NEEDED:
    found = newer_python()
    if found:
        os.execv(found, [found] + sys.argv)
    sys.stderr.write(
        "Holdfast needs Python %d.%d or newer; this is %d.%d. Install one (https://www.python.org/downloads/) "
        "or name it: make run PYTHON=/path/to/python3\n" % (NEEDED + tuple(sys.version_info[:2]))
    )
    sys.exit(1)

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

try:
    from scripts.prepare import main

    status = main(sys.argv[1:])
except KeyboardInterrupt:  # before anything was begun
    status = 130
sys.exit(status)
