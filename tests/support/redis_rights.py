"""The rights that a user of ours needs at Redis, as docs/deployment.md lists them."""

from __future__ import annotations

import re

from tests.support.processes import ROOT


def listed(prefix: str = "hf") -> list[str]:
    """The rights of docs/deployment.md, for a prefix."""
    text = (ROOT / "docs/deployment.md").read_text()
    found = re.search(r"```acl\n(.+?)```", text, re.DOTALL)
    assert found
    rights = found[1]
    if prefix != "hf":
        rights = rights.replace("hf:", f"{prefix}:").replace("streaq:holdfast:", f"streaq:{prefix}:")
    return rights.split()


def listed_before_7_2(prefix: str = "hf") -> list[str]:
    """For a Redis that knows no CLIENT SETINFO and refuses a list with it."""
    return [right for right in listed(prefix) if right != "+client|setinfo"]
