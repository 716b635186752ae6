"""Have the public converters convert what Holdfast would send, in their own environment (see converters.py)."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import Any

from scripts.environments import ROOT, python
from tests.witnesses.plain import Features, features, plain

Json = dict[str, Any]
#: Tokenizers of Mistral's models of today; the oldest takes no text beside calls, which two profiles know.
TODAY, OLDEST = ("v7", "v11", "v13", "v15"), "v3"


@dataclass(frozen=True)
class Converted:
    """How many conversions there were, and those that were refused though a plain client's are not: (converter, which
    request, what was said)."""

    conversions: int
    refused: list[tuple[str, str, str]]
    properties: Counter[str]


def converted(bodies: list[tuple[str, Json]]) -> Converted:
    """Convert bodies by every converter. Each has a name that tells the profiles it is sent by."""
    lines, of = [], dict[str, tuple[Features, str]]()
    for number, (name, body) in enumerate(bodies):
        of[str(number)] = (features(body), name)
        lines.append({"name": str(number), "body": body, "mistral": _versions(name, body)})
    kinds = {found for found, _ in of.values()}
    for wanted in kinds:
        for number, body in enumerate(plain(wanted)):
            lines.append(
                {"name": f"plain {number} {sorted(wanted)}", "body": body, "mistral": [*TODAY, OLDEST]}
            )
    refusals, count = _run(lines)
    met = {(said["converter"], said["name"]) for said in refusals if said["name"].startswith("plain")}
    refused, properties = [], Counter[str]()
    for said in refusals:
        if said["name"].startswith("plain"):
            continue
        wanted, name = of[said["name"]]
        others = [f"plain {number} {sorted(wanted)}" for number, _ in enumerate(plain(wanted))]
        if all((said["converter"], other) in met for other in others):
            properties[f"{said['converter']}: {said['said'][:80]}"] += 1
        else:
            refused.append((said["converter"], name, said["said"]))
    return Converted(count, refused, properties)


def _versions(name: str, body: Json) -> list[str]:
    """The tokenizers that are asked: none where the body has another provider's own fields."""
    text = json.dumps(body["messages"])
    if "extra_content" in text or "reasoning_content" in text or "Kimi ids" in features(body):
        return []
    return [*TODAY, *([OLDEST] if "/ mistral-v3" in name else [])]


def _run(lines: list[Json]) -> tuple[list[Json], int]:
    script = ROOT / "tests" / "witnesses" / "converters.py"
    done = subprocess.run(
        [python(), script], input="\n".join(map(json.dumps, lines)), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the converters failed: {done.stderr[-2000:]}")
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return said[:-1], said[-1]["conversions"]
