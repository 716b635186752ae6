"""Prepares a checkout: virtual environment, packages, frontend, and what the tests need. Standard library only.

Each step is skipped when nothing it depends on has changed since it last succeeded: a hash of that is kept in a
stamp file beside the result, which goes before the step begins. So whoever is interrupted, or killed, leaves nothing
that looks whole and is not. What is missing on the machine is said in one line.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts import machine, ports, signals
from scripts.machine import Missing, check_port, node_version

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
STAMP = FRONTEND / "dist" / ".vite" / "holdfast.stamp"
#: Handles that what we run inherits: see `alone`.
_held: list[int] = []


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def fingerprint(paths: Iterable[Path], *more: str) -> str:
    """A hash over names and contents of files, and over `more`."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_done(stamp: Path, wanted: str) -> bool:
    """Whether the step that leaves this stamp was done for exactly this fingerprint."""
    return stamp.exists() and stamp.read_text() == wanted


def run(argv: Sequence[str | Path], failure: str, cwd: Path = ROOT) -> None:
    """Run a command; its output is shown only when it fails. Raises Missing(failure), or what is to be done about a
    full disk."""
    line = list(map(str, argv))
    done = subprocess.run(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=_held)
    if done.returncode:
        said = done.stdout.decode(errors="replace")
        sys.stderr.write(said[-6000:] + "\n")
        raise machine.full(cwd) if machine.FULL.search(said) else Missing(failure)


def alone() -> None:
    """Wait until nobody else prepares this folder; then nobody else does until this process, and what it runs, has
    ended. Two would ruin each other's work: another start, or what one that was killed has left behind."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another start is preparing this folder; waiting until it has done so …")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        pass  # some file systems know no locks
    _held[:] = [handle]


# ---- Python -----------------------------------------------------------------------------------------------


def unfinished() -> bool:
    """Whether an installation into the environment was begun and not finished (a lost connection, a full disk, Ctrl-C).
    What it left may look like a package and not be one."""
    return any(VENV.glob(".*.begun"))


def venv_works() -> bool:
    """Whether the environment is whole: its Python runs and has pip (Debian's, without python3-venv, leaves one that
    has none), and no installation was left halfway."""
    return (
        PYTHON.exists()
        and not unfinished()
        and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    )


def ensure_venv() -> None:
    """A virtual environment that is whole; one that is not is made again."""
    if venv_works():
        return
    machine.check_venv_module()
    say("Creating .venv …")
    VENV.mkdir(exist_ok=True)
    begun = VENV / ".venv.begun"
    begun.touch()
    for one in VENV.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        elif one != begun:
            one.unlink()
    run(
        [sys.executable, "-m", "venv", VENV],
        "Python cannot create a virtual environment; its message is above. On Debian and Ubuntu: apt-get install "
        "python3-venv",
    )
    begun.unlink()


def packages_done(name: str) -> tuple[bool, str]:
    """Whether the packages of this lock are installed, and the fingerprint that says so."""
    version = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout
    wanted = fingerprint([ROOT / name], version)
    return is_done(VENV / f".{name}.stamp", wanted), wanted


def ensure_packages(name: str = "requirements.lock") -> None:
    """The packages of requirements.lock or requirements-dev.lock (which includes the former), each by its hash."""
    done, wanted = packages_done(name)
    if done:
        return
    say(f"Installing Python packages from {name} …")
    begun = VENV / f".{name}.begun"
    begun.touch()
    # The lock is complete (make lint checks it), so pip need not look for more: that is quicker, too.
    how = ["-q", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    run(
        [PYTHON, "-m", "pip", "install", *how, "-r", ROOT / name],
        f"pip could not install {name}; its message is above. Check the connection to the package index.",
    )
    (VENV / f".{name}.stamp").write_text(wanted)
    begun.unlink()


# ---- the frontend -----------------------------------------------------------------------------------------


def ensure_node_modules() -> None:
    """The frontend's packages, exactly as locked."""
    stamp = FRONTEND / "node_modules" / ".holdfast.stamp"
    wanted = fingerprint([FRONTEND / "package.json", FRONTEND / "package-lock.json"], node_version())
    if is_done(stamp, wanted):
        return
    say("Installing the frontend's packages …")
    stamp.unlink(missing_ok=True)
    run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        "npm could not install the frontend's packages; its message is above.",
        FRONTEND,
    )
    stamp.write_text(wanted)


def frontend_sources() -> list[Path]:
    """Every file that the build can depend on."""
    skipped = {"node_modules", "dist"}
    found: list[Path] = []
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = [name for name in folders if name not in skipped]
        found += [Path(folder) / name for name in files]
    return found


def frontend_done() -> tuple[bool, str]:
    """Whether the frontend is built from what is there, and the fingerprint that says so."""
    wanted = fingerprint(frontend_sources())
    return is_done(STAMP, wanted), wanted


def ensure_frontend() -> None:
    """The built frontend in frontend/dist. Node is needed only when something has to be built."""
    done, wanted = frontend_done()
    if done:
        return
    ensure_node_modules()
    say("Building the frontend …")
    STAMP.unlink(missing_ok=True)
    run(
        ["npm", "run", "--silent", "build"],
        "The frontend could not be built; the message is above.",
        FRONTEND,
    )
    STAMP.write_text(wanted)


# ---- what the tests need ----------------------------------------------------------------------------------


#: Chromium without a user interface.
SHELL = "chromium-headless-shell"


def can_apt() -> bool:
    """Whether Debian packages can be installed from here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*packages: str) -> bool:
    """Install Debian packages; whether that worked."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, capture_output=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    return subprocess.run(install, env=env, capture_output=True).returncode == 0


def has(what: str) -> bool:
    """Ask the tests' own finder, so that what is found here is what the tests use."""
    code = {
        "chromium": "from tests.support.chromium import find_chromium as find",
        "postgres": "from tests.support.postgres import find_binaries as find",
        "pgbouncer": "from tests.support.pgbouncer import find_pgbouncer as find",
        "faketime": "from tests.support.faketime import find_faketime as find",
    }[what]
    script = f"{code}; import sys; sys.exit(0 if find() else 1)"
    return subprocess.run([PYTHON, "-c", script], cwd=ROOT, capture_output=True).returncode == 0


def apt_offers(package: str) -> bool:
    """Whether Debian's lists, as they lie here, have a package."""
    return subprocess.run(["apt-cache", "show", "-q", package], capture_output=True).returncode == 0


def ensure_chromium() -> None:
    """A Chromium: the Debian package where apt and root are there, otherwise Playwright's own download. Debian's shell
    without windows draws the same pages with a third less of the processor, so it is installed beside a whole one."""
    better = can_apt() and shutil.which(SHELL) is None and apt_offers(SHELL)
    if has("chromium") and not better:
        return
    say("Installing Chromium for the browser tests …")
    if can_apt() and (apt_install(SHELL) or apt_install("chromium")) and has("chromium"):
        return
    subprocess.run([PYTHON, "-m", "playwright", "install", "chromium"], cwd=ROOT, stdout=subprocess.DEVNULL)
    if not has("chromium"):
        raise Missing(
            "The browser tests need Chromium, and neither apt nor `playwright install chromium` could install it. "
            "Install the package `chromium` and run make test again."
        )


def ensure_postgres() -> None:
    """PostgreSQL's programs (no server needs to run: the tests start one of their own)."""
    if has("postgres"):
        return
    say("Installing PostgreSQL for the tests …")
    if not (can_apt() and apt_install("postgresql") and has("postgres")):
        raise Missing(
            "The tests need PostgreSQL's programs (initdb, postgres) in PATH or /usr/lib/postgresql. "
            "Install the package `postgresql` and run make test again."
        )


def ensure_outages() -> None:
    """What the outage tests put before PostgreSQL, and what makes clocks wrong."""
    missing = [what for what in ("pgbouncer", "faketime") if not has(what)]
    if not missing:
        return
    say(f"Installing {' and '.join(missing)} for the outage tests …")
    if can_apt() and apt_install(*missing):
        # Debian starts it as a service, where there are services; the tests start one of their own.
        missing = [what for what in missing if not has(what)]
    if missing:
        raise Missing(
            "The outage tests need pgbouncer and libfaketime (in PATH or /usr/sbin, and under /usr/lib). Install the "
            "packages `pgbouncer` and `faketime` and run make test again."
        )


# ---- commands ---------------------------------------------------------------------------------------------


def look_first(lock: str) -> None:
    """What would otherwise be found missing after minutes of downloads. Raises Missing."""
    built, _ = frontend_done()
    if not built:
        node_version()
    whole = venv_works()
    if not whole:
        machine.check_wheels()
        machine.check_venv_module()
    if not (built and whole and packages_done(lock)[0]):
        machine.check_space(ROOT)


def start(port: int) -> None:
    """`make run`: prepare what is missing, then become scripts/stack.py. Does not come back."""
    # As Ctrl-C: what is being installed is ended, too, and not left to go on by itself.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    check_port(port)
    alone()
    look_first("requirements.lock")
    ensure_venv()
    ensure_packages()
    ensure_frontend()
    os.chdir(ROOT)
    signals.hold(signals.CTRL_C)
    os.execv(PYTHON, [str(PYTHON), "-m", "scripts.stack", "--port", str(port)])


def tools() -> None:
    """Everything that `make lint` and `make test` use."""
    node_version()
    alone()
    look_first("requirements-dev.lock")

    def frontend() -> None:
        ensure_node_modules()
        ensure_frontend()

    # Side by side: each of them mostly waits for its registry.
    with ThreadPoolExecutor(1) as beside:
        built = beside.submit(frontend)
        ensure_venv()
        ensure_packages("requirements-dev.lock")
        ensure_chromium()
        ensure_postgres()
        ensure_outages()
        built.result()


def main(arguments: list[str]) -> int:
    """`run --port N` or `tools`. Prints one line and returns 1 when something is missing."""
    parser = ports.Arguments(prog="scripts/bootstrap.py")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("run", help="prepare and start")
    starting.add_argument("--port", type=ports.port_number, default=8000)
    commands.add_parser("tools", help="prepare what the checks and tests need")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "run":
            start(chosen.port)
        else:
            tools()
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        if not machine.is_full(problem):
            raise
        print(machine.full(ROOT), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Run the same again: what was finished is kept.", file=sys.stderr)
        return 130
    return 0
