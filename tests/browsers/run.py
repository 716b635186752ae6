"""`make browsers` (`python -m tests.browsers.run`): the walk of `walk.py` in Firefox and in WebKit, Debian's own.

    python -m tests.browsers.run [--only firefox,webkit] [--pictures FOLDER]

Real processes, loopback only, a profile of its own for each browser. Where one of them is missing and apt cannot
install it, that is said, and the command fails. It ends by itself: each wait has its bound, and the whole of a browser
has one, too.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.browsers.bidi import Firefox
from tests.browsers.classic import WebKit
from tests.browsers.engines import FIND, starter
from tests.browsers.page import SIDEWAYS
from tests.browsers.walk import STEPS, Walk
from tests.support.processes import Process, Stack
from tests.support.proxy import Proxy
from tests.support.report import Report
from tests.support.template import make_sqlite

#: Seconds that the walk of one browser may take.
BOUND = 900


def walk(name: str, template: Path, report: Report, pictures: Path | None) -> None:
    """All steps in one browser; the later ones are left out where somebody cannot even log in."""
    found: list[Callable[[], Firefox | WebKit]] = []
    if not report.show(name, lambda: find(name, found)):
        return
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(BOUND)
    try:
        # 250 words a second, as in tests/browser: a long text streams for some six seconds.
        with (
            Stack(template=template, env={"OPENAI_MODEL": "demo-250"}) as house,
            Proxy(house.up().web_port) as link,
        ):
            with found[0]() as page:
                print(f"{name} {page.version}", flush=True)
                going = Walk(page, house, link)
                for what, step in STEPS.items():
                    well = report.show(f"{name}: {what}", lambda step=step: said(going, step))  # type: ignore[misc]
                    if pictures is not None or not well:
                        keep(
                            going,
                            pictures or Path(tempfile.gettempdir()),
                            f"{name}-{re.sub('[^a-zA-Z]+', '-', what)}.png",
                        )
                    if not well and step is Walk.log_in:
                        print(house.outputs())
                        break
    finally:
        signal.alarm(0)


def said(going: Walk, step: Callable[[Walk], None]) -> str:
    """Walk one step; no script of the page may have failed, and nothing scrolls sideways."""
    before = len(going.page.problems())
    step(going)
    problems = going.page.problems()[before:]
    assert problems == [], problems
    wide = going.page.call(SIDEWAYS)
    assert wide == [], f"scrolls sideways: {wide}"
    return (step.__doc__ or "").strip().partition("\n")[0]


def keep(going: Walk, folder: Path, file: str) -> None:
    """A picture of what is in sight."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / file).write_bytes(going.page.picture())
    except Exception as problem:  # a picture helps to see what was wrong, and proves nothing
        print(f"       no picture: {problem}", flush=True)
    else:
        print(f"       picture: {folder / file}", flush=True)


def find(name: str, found: list[Callable[[], Firefox | WebKit]]) -> str:
    """Put what starts this browser into `found`. Raises NotThere."""
    found.append(starter(name))
    return "there"


def too_long(*_: object) -> None:
    """End the walk, and with it everything that was started."""
    raise TimeoutError(f"The walk has not ended after {BOUND} s.")


def main(arguments: list[str]) -> int:
    """0 when everything was walked."""
    parser = argparse.ArgumentParser(prog="python -m tests.browsers.run")
    parser.add_argument("--only", default=",".join(FIND), help="firefox,webkit")
    parser.add_argument("--pictures", type=Path, help="keep a picture of the end of each step here")
    chosen = parser.parse_args(arguments)
    names = [name.strip() for name in chosen.only.split(",")]
    if unknown := set(names) - set(FIND):
        parser.error(f"no such browser: {', '.join(sorted(unknown))}; there are {', '.join(FIND)}")
    Process.preloaded = True
    report = Report()
    with tempfile.TemporaryDirectory(prefix="holdfast-browsers-") as folder:
        template = make_sqlite(Path(folder))
        for name in names:
            walk(name, template, report, chosen.pictures)
    return report.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
