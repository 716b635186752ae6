"""The processes that tests start are what `python -m` would have started, but sooner (tests/support/preloaded.py)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.preloaded import Preloaded
from tests.support.processes import ROOT, Process, Stack, clean_environment
from tests.support.waiting import wait_until


@pytest.mark.parametrize("words", [["scripts.processes", "nobody"], ["site"]])
def test_it_is_what_an_interpreter_would_have_been(words: list[str], tmp_path: Path) -> None:
    """Its arguments, folder, path, environment, output and exit status."""
    argv, env = [sys.executable, "-m", *words], clean_environment(HOME=str(tmp_path))
    plain = subprocess.run(
        argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with (tmp_path / "log").open("wb") as log:
        process = Preloaded(argv, env, log.fileno())
    assert process.wait(20) == plain.returncode
    assert plain.stdout
    assert (tmp_path / "log").read_text() == plain.stdout
    assert process.poll() == plain.returncode


def test_a_process_of_ours_becomes_what_it_is_in_the_process_that_was_forked(stack: Stack) -> None:
    """It begins as `scripts.processes` and ends as a server: an exec on the way would import everything again."""
    stack.start("demo")
    assert b"preloaded" in Path(f"/proc/{stack.process('demo').pid}/cmdline").read_bytes()


def test_it_is_killed_paused_and_told_to_end_like_any_other(tmp_path: Path) -> None:
    process = Process(
        "mortal",
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "0"],
        clean_environment(),
        tmp_path / "log",
    )
    assert Process.preloaded
    process.start()
    wait_until(lambda: process.says("Serving HTTP"), 60, "it to be there")
    assert b"preloaded" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    process.pause()
    wait_until(
        lambda: "T (stopped)" in Path(f"/proc/{process.pid}/status").read_text(), 5, "it to stand still"
    )
    assert process.alive
    process.kill()
    assert not process.alive and process.stop() == -signal.SIGKILL
    process.start()
    wait_until(lambda: process.output().count("Serving HTTP") == 2, 60, "it to be there again")
    assert process.stop() == -signal.SIGTERM


def test_what_matters_to_the_interpreter_gets_one_of_its_own(tmp_path: Path) -> None:
    for env in ({"LD_PRELOAD": ""}, {"PYTHONHASHSEED": "1"}):
        process = Process("own", [sys.executable, "-m", "this"], clean_environment(**env), tmp_path / "log")
        process.start()
        assert b"preloaded" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert process.stop() in (0, -signal.SIGTERM)
