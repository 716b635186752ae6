"""Threads share their memory: counted in what the C library itself tells of its arenas (malloc_info)."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from chat.support.arenas import ARENAS
from tests.support.processes import ROOT, clean_environment

#: Twelve threads that hold memory at the same time; prints whether it was taken, and how many arenas there are then.
THREADS = """
import ctypes, sys, threading
from chat.support.arenas import few_arenas

told = few_arenas() if sys.argv[1] == "few" else None
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
everybody = threading.Barrier(12)

def hold():
    libc.malloc(ctypes.c_size_t(1_000))
    everybody.wait(20)

threads = [threading.Thread(target=hold) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(told, open(sys.argv[2]).read().count("<heap nr="))
"""


def arenas(how: str, folder: Path) -> tuple[str, int]:
    argv = [sys.executable, "-c", THREADS, how, str(folder / "info.xml")]
    done = subprocess.run(argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, count = done.stdout.split()
    return told, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_two_arenas(tmp_path: Path) -> None:
    assert arenas("few", tmp_path) == ("True", ARENAS)
    _, without = arenas("as it is", tmp_path)
    assert without > 2 * ARENAS, "or the test shows nothing"
