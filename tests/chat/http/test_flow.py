"""A slow reader makes the server wait, under a real Daphne (rule W10)."""

import socket
import subprocess
import sys
import urllib.request

import pytest
from autobahn.exception import Disconnected
from websockets.sync.client import connect

from chat.http.flow import with_backpressure
from tests.support import flood
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until


@pytest.fixture
def daphne():
    """The port of a Daphne that serves tests/support/flood.py."""
    port = claim_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "daphne",
            "-b",
            "127.0.0.1",
            "-p",
            str(port),
            "tests.support.flood:application",
        ],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: sent(port) is not None, 20, "Daphne to answer")
        yield port
    finally:
        process.kill()
        process.wait(10)


def sent(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return int(answer.read())
    except OSError:
        return None


def test_W10_send_waits_while_the_reader_does_not_read_and_goes_on_when_it_does(daphne):
    slow = socket.create_connection(("127.0.0.1", daphne))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    with connect(f"ws://127.0.0.1:{daphne}/", sock=slow, max_queue=1, max_size=None) as reader:
        counts = [sent(daphne)]

        def stands_still():
            counts.append(sent(daphne))
            return counts[-1] > 0 and len(counts) > 20 and len(set(counts[-10:])) == 1

        wait_until(stands_still, 30, "the server to wait", every=0.05)
        # What fits: the kernel's buffers on both sides, Twisted's 64 KiB, and the client's own queue.
        assert counts[-1] * flood.SIZE < 32 * 1024 * 1024
        assert counts[-1] < flood.FRAMES / 2
        for _ in range(flood.FRAMES):
            assert len(reader.recv()) == flood.SIZE
        wait_until(lambda: sent(daphne) == flood.FRAMES, 10, "everything to be sent")


def test_W10_a_reader_that_goes_away_does_not_leave_the_server_waiting(daphne):
    slow = socket.create_connection(("127.0.0.1", daphne))
    with connect(f"ws://127.0.0.1:{daphne}/", sock=slow, max_queue=1, max_size=None):
        wait_until(lambda: sent(daphne) > 3, 10, "some frames")
        slow.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: sent(daphne) == flood.FRAMES, 20, "the application to come to its end")


def test_W10_a_stream_of_events_waits_for_its_reader_too(daphne):
    slow = socket.create_connection(("127.0.0.1", daphne))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    slow.sendall(b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n")
    counts = [sent(daphne)]

    def stands_still():
        counts.append(sent(daphne))
        return counts[-1] > 0 and len(counts) > 20 and len(set(counts[-10:])) == 1

    wait_until(stands_still, 30, "the server to wait", every=0.05)
    assert counts[-1] * flood.SIZE < 32 * 1024 * 1024
    assert counts[-1] < flood.FRAMES / 2
    read = 0
    while data := slow.recv(1 << 20):
        read += len(data)
    slow.close()
    assert read > flood.FRAMES * flood.SIZE
    assert sent(daphne) == flood.FRAMES


def test_W10_a_reader_that_leaves_a_stream_does_not_leave_the_server_waiting(daphne):
    slow = socket.create_connection(("127.0.0.1", daphne))
    slow.sendall(b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n")
    wait_until(lambda: sent(daphne) > 3, 10, "some frames")
    slow.close()
    wait_until(lambda: sent(daphne) == flood.FRAMES, 20, "the application to come to its end")


async def test_what_is_sent_to_a_socket_that_was_closed_for_a_bad_frame_is_no_error():
    sent = []

    async def closed(message):
        sent.append(message)
        raise Disconnected("Attempt to send on a closed protocol")

    async def application(scope, receive, send):
        await send({"type": "websocket.send", "text": "x"})

    await with_backpressure(application)({"type": "websocket"}, None, closed)
    assert len(sent) == 1
