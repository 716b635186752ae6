"""SIGTERM is heard at every moment of a process's life; `make stopping` tries each 200 times (W9, R4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.signals import STATUS
from tests.recovery.stopping import MOMENTS, House, Moment, judge
from tests.support.processes import ROOT, Stack, password
from tests.support.waiting import wait_until
from tests.support.wire import login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


@pytest.fixture(scope="module")
def house(database_template: Path) -> Iterator[House]:
    with Stack(template=database_template) as stack:
        one = House(stack)
        stack.start("demo")
        stack.start("web")
        one.cookies = login(stack.address, "alice", password("alice"))
        yield one


#: With every `make test` one that imports, one that works, one that leaves, and what differs for the first process
#: of a container: nobody hears for it what it does not hear itself. The other moments are tried by `make test-long`.
AT_ONCE = ("worker before imports", "worker in a run", "web leaving", "first process: worker importing")
TRIED = [
    pytest.param(one, id=one.name, marks=() if one.name in AT_ONCE else pytest.mark.exhaustive)
    for one in MOMENTS
]


@pytest.mark.parametrize("moment", TRIED)
def test_W9_R4_a_process_ends_in_time_at_every_moment(moment: Moment, house: House) -> None:
    if moment.first and os.geteuid() != 0:
        pytest.skip("Only root may make a process namespace.")
    assert judge(moment, [house.try_once(moment)]) == ""


HELD = (
    "import os, signal; from scripts import signals; signals.hold(); os.kill(os.getpid(), signal.SIGTERM); "
)


def test_a_signal_between_two_programs_is_kept_for_the_second() -> None:
    become = "import sys; os.execv(sys.executable, [sys.executable, '-m', 'scripts.signals', 'this'])"
    done = subprocess.run([sys.executable, "-c", HELD + become], cwd=ROOT, capture_output=True)
    assert done.returncode == STATUS
    # Without it the first program dies of the signal, or, as the first process, nobody hears it.
    become = "import sys; os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])"
    done = subprocess.run([sys.executable, "-c", HELD + become], cwd=ROOT, capture_output=True)
    assert done.stdout == b"1\n"


STANDS = """
import sys, time
from scripts import signals
signals.UNDO_S = 0.5
signals.hear_and_undo()
lines = ["stands"]
while True:
    try:
        while lines:
            print(lines.pop(), flush=True)  # the signal may come before this returns
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""


def test_a_command_that_does_not_give_up_is_ended_all_the_same() -> None:
    process = subprocess.Popen([sys.executable, "-c", STANDS], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"stands\n"
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: process.poll() is not None, 10, "its end")
    assert process.returncode == STATUS
