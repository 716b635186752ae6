"""llama.cpp's own server, built once from its published sources, with a model of nonsense and any chat template."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from scripts.environments import ROOT, NotThere, cache, python
from tests.witnesses.packages import LLAMA, unpacked

#: Seconds that a server may take until it answers.
START_S = 60.0
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF", "-DGGML_OPENMP=OFF",
)  # fmt: skip


def sources() -> Path:
    """llama.cpp as its Python package carries it."""
    return unpacked(LLAMA) / "vendor" / "llama.cpp"


def server() -> Path:
    """The program, built at the first use (ten minutes on two cores). Raises NotThere."""
    folder = cache() / f"llama.cpp-{LLAMA.version}"
    program, stamp = folder / "bin" / "llama-server", folder / "holdfast.stamp"
    if stamp.exists() and program.exists():
        return program
    if shutil.which("cmake") is None or shutil.which("ninja") is None:
        raise NotThere(
            "llama.cpp's server needs cmake, ninja and a C++ compiler: apt-get install cmake ninja-build g++"
        )
    print("Building llama.cpp's server, once; about ten minutes …", flush=True)
    for argv in (
        ["cmake", "-G", "Ninja", "-S", sources(), "-B", folder, *_OPTIONS],
        ["ninja", "-C", folder, "-j", str(os.cpu_count() or 1), "llama-server"],
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise NotThere(f"llama.cpp's server could not be built.\n{(done.stdout + done.stderr)[-3000:]}")
    stamp.write_text("built")
    return program


def model() -> Path:
    """The model of nonsense, made at the first use."""
    path = cache() / f"tiny-{LLAMA.version}.gguf"
    if not path.exists():
        vocabulary = sources() / "models" / "ggml-vocab-llama-spm.gguf"
        unfinished = path.with_suffix(".part")
        script = ROOT / "tests" / "witnesses" / "tiny_model.py"
        subprocess.run([python(), script, vocabulary, unfinished], check=True)
        unfinished.rename(path)
    return path


def templates() -> list[Path]:
    """The chat templates that llama.cpp tests itself with."""
    return sorted((sources() / "models" / "templates").glob("*.jinja"))


@contextmanager
def running(template: Path) -> Iterator[str]:
    """A server with this template on a free loopback port: yields its address. Raises NotThere with its last words."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [
        server(), "--model", model(), "--jinja", "--chat-template-file", template, "--ctx-size", "32768", "--parallel",
        "1", "--threads", "1", "--predict", "8", "--no-warmup", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    log = cache() / f"llama-server-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while not _healthy(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotThere(
                    f"llama.cpp's server did not start with {template.name}:\n{log.read_text()[-1500:]}"
                )
            time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()
        log.unlink(missing_ok=True)


def _healthy(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
