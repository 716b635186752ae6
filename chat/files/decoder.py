"""The process that decodes pictures: started by `pictures`, with limits that it sets itself. Without Django.

in   a line of JSON {"op", "size", "cpu_s", …}, then so many bytes of a picture         (until the pipe ends, or nothing
out  a line of JSON {"size", …} or {"problem"}, then so many bytes              comes for IDLE_S seconds)

check   is it a picture of this format with at most so many pixels?
shrink  as a model gets it: no longer than an edge, upright, never animated, without where and by what it was taken;
        {"as_is": true} if it is that already
"""

import json
import os
import resource
import select
import signal
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageOps

#: Without work for so long it ends, and gives its memory back.
IDLE_S = 20.0

Answer = tuple[dict[str, Any], bytes]


def check(data: bytes, *, form: str, pixels: int) -> Answer:
    """Whether a file is a picture of this format, as Pillow calls it. `problem`: too_many_pixels, broken_image."""
    try:
        with Image.open(BytesIO(data), formats=[form]) as image:
            width, height = image.size
            if width * height > pixels:
                return {"problem": "too_many_pixels", "width": width, "height": height}, b""
            image.verify()
    except Image.DecompressionBombError:
        return {"problem": "too_many_pixels"}, b""
    except Exception:  # Pillow raises whatever a broken file leads it to.
        return {"problem": "broken_image"}, b""
    return {"width": width, "height": height}, b""


#: What a file may say of itself beside its picture and still go to a model as it is: how the picture is to be drawn.
#: Anything else may tell where it was taken, of whom, with which camera: EXIF, XMP, comments, a second picture.
_DRAWING = {
    "adobe", "adobe_transform", "aspect", "background", "chromaticity", "default_image", "dpi", "duration", "gamma",
    "icc_profile", "interlace", "jfif", "jfif_density", "jfif_unit", "jfif_version", "loop", "progression",
    "progressive", "srgb", "timestamp", "transparency",
}  # fmt: skip


def tells_more(image: Image.Image) -> bool:
    """Whether the file holds more than its picture. A PNG may say so behind it, so it is read to its end."""
    image.load()
    return bool(set(map(str, image.info)) - _DRAWING) or len(image.getexif()) > 0


def shrink(data: bytes, *, edge: int, plain_bytes: int, pixels: int) -> Answer:
    """The picture for a model. One that is no larger than `edge` and `plain_bytes`, stands still and holds nothing but
    a picture stays as it is, where `plain_bytes` is above 0."""
    with Image.open(BytesIO(data)) as image:
        if image.size[0] * image.size[1] > pixels:
            return {"problem": "too_many_pixels"}, b""
        small = (
            len(data) <= plain_bytes and max(image.size) <= edge and not getattr(image, "is_animated", False)
        )
        if small and not tells_more(image):
            return {"as_is": True}, b""
        image.thumbnail((edge, edge))
        upright: Any = ImageOps.exif_transpose(image)
        clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        plain = upright.convert("RGBA" if clear else "RGB")
        # Pillow would write some of it again: comments, XMP. Its colours it needs.
        plain.info = {key: found for key, found in plain.info.items() if key == "icc_profile"}
        out = BytesIO()
        if clear:
            plain.save(out, "PNG")
        else:
            plain.save(out, "JPEG", quality=88)
    return {"media_type": "image/png" if clear else "image/jpeg"}, out.getvalue()


_OPS: dict[str, Callable[..., Any]] = {"check": check, "shrink": shrink}


def limit(memory: int, cpu_s: int) -> None:
    """Bound this process: bytes of memory, and seconds of processor in all its life. It has no other files to open."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(5)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the pipe ends, or nothing comes for long."""
    while select.select([source], [], [], IDLE_S)[0]:
        line = source.readline()
        if not line:
            return
        asked = json.loads(line)
        data = _exactly(source, asked.pop("size"))
        # Ends this process: C is not asked. Of the processor and not by the wall: others work here, too.
        signal.setitimer(signal.ITIMER_PROF, asked.pop("cpu_s"))
        try:
            told, made = _OPS[asked.pop("op")](data, **asked)
        except MemoryError:
            told, made = {"problem": "too_much_memory"}, b""
        except Exception as problem:
            told, made = (
                {"problem": "broken_image", "detail": f"{type(problem).__name__}: {problem}"[:200]},
                b"",
            )
        signal.setitimer(signal.ITIMER_PROF, 0)
        left = memoryview(json.dumps({**told, "size": len(made)}).encode() + b"\n" + made)
        while left:
            left = left[sink.write(left) :]


def _exactly(source: BinaryIO, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := source.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def main() -> None:
    # Pillow warns of what may be a bomb; the limits of `check` and of this process are stricter.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    limit(int(sys.argv[1]), int(sys.argv[2]))
    serve(open(0, "rb", buffering=0), open(1, "wb", buffering=0))


if __name__ == "__main__":
    main()
