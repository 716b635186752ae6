"""Render what Holdfast would send through every chat template that public packages carry (`make templates`).

    python -m tests.witnesses.render_templates [--generated 24] [--jobs 2] [--only mistral]

Histories × profiles × both forms × the ways in which servers hand a request to its template. A refusal counts where
the same template takes a plain client's conversation with the same features; what it refuses of any client is listed as
a property. Status 1 if anything counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agents.profiles import all_profiles
from scripts.environments import NotThere
from tests.witnesses.convert import converted
from tests.witnesses.plain import VARIANTS, Features, as_handed, features, plain
from tests.witnesses.stories import bodies, histories
from tests.witnesses.templates import Witness, collected

Json = dict[str, Any]
#: What a template must take to count as one that serves a plain client.
LOOP: Features = frozenset({"system", "tools", "calls", "results last"})
TALK: Features = frozenset({"system", "answers"})


@dataclass(frozen=True)
class Sent:
    """A distinct body, and every request that comes to the same bytes."""

    names: tuple[str, ...]
    body: Json
    features: Features
    handed: dict[tuple[str, str], Json]


@dataclass
class Verdict:
    """What one template said."""

    template: str
    loop: bool = False
    talk: bool = False
    renders: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    properties: set[str] = field(default_factory=set)
    #: Whether it prints the word None for an absent text; beside which content the name of a call is lost.
    none: bool = False
    lost: set[str] = field(default_factory=set)


def requests(generated: int) -> tuple[list[Sent], int]:
    """The distinct bodies in Chat Completions form, and how many requests they stand for."""
    distinct: dict[str, tuple[list[str], Json]] = {}
    count = 0
    for name, profile, text_only, body in bodies(generated, _chat_profiles()):
        count += 1
        sent = {"messages": body["messages"], **({"tools": body["tools"]} if "tools" in body else {})}
        key = json.dumps(sent, sort_keys=True)
        form = "text only" if text_only else "proper"
        distinct.setdefault(key, ([], sent))[0].append(f"{name} / {profile.name} / {form}")
    found = [
        Sent(tuple(names), body, features(body), {variant: as_handed(body, variant) for variant in VARIANTS})
        for names, body in distinct.values()
    ]
    return found, count


def _chat_profiles() -> list[Any]:
    return [profile for profile in all_profiles().values() if profile.dialect == "chat"]


#: What a process of the pool renders.
_sent: list[Sent] = []


def judged(witness: Witness) -> Verdict:
    """Render everything through one template."""
    verdict = Verdict(witness.name)
    taken: dict[tuple[Features, tuple[str, str]], bool] = {}

    def takes(wanted: Features, variant: tuple[str, str]) -> bool:
        if (wanted, variant) not in taken:
            ours = [_refusal(witness, as_handed(body, variant)) is None for body in plain(wanted)]
            taken[wanted, variant] = any(ours)
            verdict.renders += len(ours)
        return taken[wanted, variant]

    verdict.loop = any(takes(LOOP, variant) for variant in VARIANTS)
    verdict.talk = any(takes(TALK, variant) for variant in VARIANTS)
    served = [variant for variant in VARIANTS if takes(TALK, variant) or takes(TALK - {"system"}, variant)]
    for one in _sent:
        for variant in served:
            if not takes(one.features, variant):
                verdict.properties |= _missing(one.features, partial(takes, variant=variant))
                continue
            verdict.renders += 1
            if (said := _refusal(witness, one.handed[variant])) is not None:
                verdict.refused.append((f"{one.names[0]} (+{len(one.names) - 1}) {variant}", said))
    if verdict.loop:
        _look(witness, verdict)
    return verdict


def _missing(wanted: Features, takes: Any) -> set[str]:
    """The single features without which a template would take a plain conversation."""
    return {name for name in wanted if takes(wanted - {name})} or {"several"}


def _look(witness: Witness, verdict: Verdict) -> None:
    """What becomes of a call without words: whether its name is still in what the model reads."""
    for place, body in enumerate((*plain(LOOP), *plain(LOOP | {"words beside calls"}))):
        shown = [
            _shown(witness, as_handed({"messages": body["messages"]}, variant)) for variant in VARIANTS[::2]
        ]
        said = [text for text in shown if text is not None]
        if said and not any("clock" in text for text in said):
            verdict.lost.add(("null", "empty", "words")[place])
        verdict.none |= place == 0 and any(re.search(r"[>\s]None", text) for text in said)


def _shown(witness: Witness, body: Json) -> str | None:
    try:
        return witness.shown(body)
    except Exception:
        return None


def _refusal(witness: Witness, body: Json) -> str | None:
    try:
        witness.shown(body)
    except Exception as error:  # a template may fail in any way, as it would in the server
        return f"{type(error).__name__}: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generated", type=int, default=24, help="generated histories beside the told ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="part of the names of the templates")
    wanted = parser.parse_args()
    begun = time.monotonic()
    try:
        found = [one for one in collected() if wanted.only.lower() in one.name.lower()]
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    sent, count = requests(wanted.generated)
    told = len(list(histories(wanted.generated)))
    print(f"{len(found):,} templates; {told} histories × {len(_chat_profiles())} profiles × 2 forms: "
          f"{count:,} requests, {len(sent):,} of them different", flush=True)  # fmt: skip
    with ProcessPoolExecutor(wanted.jobs, initializer=_sent.extend, initargs=(sent,)) as pool:
        verdicts = list(pool.map(judged, found, chunksize=8))
    status = report(verdicts, time.monotonic() - begun)
    return status if wanted.only else max(status, _convert(sent))


def _convert(sent: list[Sent]) -> int:
    begun = time.monotonic()
    done = converted([(" ".join(one.names), one.body) for one in sent])
    for (converter, said), n in Counter((one[0], one[2]) for one in done.refused).most_common(20):
        name = next(name for other, name, words in done.refused if (other, words) == (converter, said))
        print(f"{converter}: {n} × {said[:200]}\n      {name[:150]}")
    print(
        f"\n{done.conversions:,} conversions by litellm and mistral-common in {time.monotonic() - begun:.0f} s"
    )
    print(
        f"refused of any client: {', '.join(f'{n} × {said}' for said, n in done.properties.items()) or 'nothing'}"
    )
    print(f"conversions refused that a plain client's are not: {len(done.refused):,}")
    return 1 if done.refused else 0


def report(verdicts: list[Verdict], took: float) -> int:
    """Print what was seen; status 1 if a template refused what a plain client would not meet."""
    loops = [one for one in verdicts if one.loop]
    bad = [one for one in verdicts if one.refused]
    for one in bad:
        print(f"\n{one.template}: {len(one.refused)} refusals")
        for words, (name, said) in _examples(one.refused):
            print(f"  {words} × {said[:150]}\n      {name}")
    properties = Counter(name for one in verdicts for name in one.properties)
    print(f"\n{sum(one.renders for one in verdicts):,} renders in {took:.0f} s")
    print(f"{len(loops):,} templates take a system prompt and a tool loop, "
          f"{sum(one.talk for one in verdicts):,} a system prompt and a conversation")  # fmt: skip
    print("refused of any client: " + ", ".join(f"{name} by {n}" for name, n in properties.most_common()))
    lost = Counter(content for one in loops for content in one.lost)
    print(f"of those that take a loop, {lost['null']} lose a call whose content is null, {lost['empty']} one whose "
          f"content is empty, {lost['words']} one with words; "
          f"{sum(one.none for one in loops)} print null as the word None")  # fmt: skip
    refusals = sum(len(one.refused) for one in bad)
    print(f"refusals that a plain client would not meet: {refusals:,}, by {len(bad)} templates")
    return 1 if bad else 0


def _examples(refused: list[tuple[str, str]]) -> list[tuple[int, tuple[str, str]]]:
    counts = Counter(said for _, said in refused)
    firsts = {said: name for name, said in reversed(refused)}
    return [(n, (firsts[said], said)) for said, n in counts.most_common(3)]


if __name__ == "__main__":
    sys.exit(main())
