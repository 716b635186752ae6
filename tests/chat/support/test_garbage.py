"""The collector of a web server does not go through all that was imported, beside which it takes no time at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT, clean_environment

#: As Daphne does it; then both collections are timed, three times each.
SERVER = """
import gc, json, sys, time
import config.asgi

def took():
    began = time.perf_counter()
    gc.collect()
    return time.perf_counter() - began

loaded, kept = "config.urls" in sys.modules, gc.get_freeze_count()
now = min(took() for _ in range(3))
gc.unfreeze()
print(json.dumps({"loaded": loaded, "kept": kept, "ratio": min(took() for _ in range(3)) / now}))
"""


def test_what_a_web_server_has_imported_is_left_out_of_its_collections(tmp_path: Path) -> None:
    env = clean_environment(
        HOLDFAST_TRIAL="1", HOLDFAST_DATA=str(tmp_path), DJANGO_SETTINGS_MODULE="config.settings"
    )
    done = subprocess.run([sys.executable, "-c", SERVER], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["loaded"] and told["kept"] > 150_000, told
    assert told["ratio"] > 10, told
