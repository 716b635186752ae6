"""Pictures are decoded in a process of their own, which is bounded in memory and time."""

from __future__ import annotations

import gc
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from chat.files.pictures import MAX_USES, BadPicture, Pictures
from tests.support.pictures import animation, picture
from tests.support.waiting import wait_until

PIXELS = 50_000_000


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    made = Pictures()
    yield made
    made.close()


def resident_mb(pid: int | str = "self") -> float:
    line = next(
        one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


def large() -> bytes:
    """49 million pixels in some 200 KB."""
    out = BytesIO()
    Image.new("RGB", (7_000, 7_000), (10, 200, 30)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("count", [4, pytest.param(15, marks=pytest.mark.exhaustive)])
def test_large_pictures_leave_this_process_as_small_as_it_was(pictures: Pictures, count: int) -> None:
    data = large()
    assert 100_000 < len(data) < 400_000
    pictures.shrunk(picture(), 2_048, 0, PIXELS)
    gc.collect()
    before = resident_mb()
    with ThreadPoolExecutor(4) as pool:
        sizes = list(
            pool.map(lambda _: len(pictures.shrunk(data, 2_048, 4_000_000, PIXELS)[1]), range(count))
        )
    assert all(1_000 < size < 500_000 for size in sizes)
    assert resident_mb() - before < 40
    assert len(pictures._idle) <= 2
    held = [one.running.pid for one in pictures._idle]
    pictures.close()
    assert all(not Path(f"/proc/{pid}").exists() for pid in held)


def test_what_is_small_and_stands_still_stays_as_it_is(pictures: Pictures) -> None:
    assert pictures.shrunk(picture(), 2_048, 4_000_000, PIXELS) is None
    kind, made = pictures.shrunk(animation(), 2_048, 4_000_000, PIXELS)
    with Image.open(BytesIO(made)) as image:
        assert kind == "image/png" or kind == "image/jpeg"
        assert not getattr(image, "is_animated", False)


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_is_decoded() -> None:
    slow = Pictures(cpu_s=0.05)
    try:
        for _ in range(2):  # a fresh process, and one that has decoded before
            with pytest.raises(BadPicture, match="timeout"):
                slow.shrunk(large(), 2_048, 0, PIXELS)
            assert slow._idle == []
            assert slow.check(picture(), "PNG", PIXELS)
        slow._timeout_s = 0.01
        with pytest.raises(BadPicture, match="timeout"):
            slow.shrunk(large(), 2_048, 0, PIXELS)
    finally:
        slow.close()


def test_a_picture_that_needs_too_much_memory_is_given_up() -> None:
    narrow = Pictures(memory=200_000_000)
    try:
        with pytest.raises(BadPicture, match="too_much_memory|broken_image|crashed"):
            narrow.shrunk(large(), 2_048, 0, PIXELS)
        assert narrow.check(picture(), "PNG", PIXELS)
    finally:
        narrow.close()


def test_a_decoder_that_dies_is_replaced(pictures: Pictures) -> None:
    assert pictures.check(picture(), "PNG", PIXELS)
    (one,) = pictures._idle
    os.kill(one.running.pid, signal.SIGKILL)
    assert pictures.check(picture(), "PNG", PIXELS)
    assert pictures._idle[0].running.pid != one.running.pid


@pytest.mark.exhaustive
def test_a_decoder_that_is_killed_at_work_is_replaced_too(pictures: Pictures) -> None:
    pictures.check(picture(), "PNG", PIXELS)
    pid = pictures._idle[0].running.pid
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(pictures.shrunk, large(), 2_048, 0, PIXELS)
        wait_until(lambda: not pictures._idle, 10, "a decoder to be at work")
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        found = working.result(30)
    assert found is not None and found[0] == "image/jpeg"
    assert pictures._idle[0].running.pid != pid


def test_a_decoder_ends_after_its_uses(pictures: Pictures) -> None:
    pids = set()
    for _ in range(MAX_USES + 1):
        pictures.check(picture(), "PNG", PIXELS)
        pids |= {one.running.pid for one in pictures._idle}
    assert len(pids) == 2


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_surprise_it(pictures: Pictures, seed: int) -> None:
    rng = random.Random(seed)
    whole = bytearray(picture() if seed % 2 else animation())
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        came_to = "decoded"
        try:
            pictures.shrunk(bytes(data[: rng.randrange(len(data))]), 2_048, 0, PIXELS)
        except BadPicture as problem:
            came_to = problem.code
        assert came_to in ("decoded", "broken_image", "too_many_pixels", "too_much_memory")


def test_it_gets_none_of_our_environment(pictures: Pictures) -> None:
    os.environ["HOLDFAST_SECRET_OF_A_TEST"] = "secret"
    try:
        pictures.check(picture(), "PNG", PIXELS)
        env = Path(f"/proc/{pictures._idle[0].running.pid}/environ").read_bytes()
    finally:
        del os.environ["HOLDFAST_SECRET_OF_A_TEST"]
    assert b"secret" not in env and b"DJANGO" not in env
