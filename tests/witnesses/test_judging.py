"""The judges of `make templates` and `make servers` themselves, on small templates: what counts, what is excused."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from agents.dialects.requests import render
from agents.profiles import get
from tests.support.templates import COUNTING, RULES
from tests.witnesses import render_templates
from tests.witnesses.ask_servers import item_features
from tests.witnesses.blocks import block_features, plain_blocks
from tests.witnesses.plain import VARIANTS, as_handed, features, plain, plain_items
from tests.witnesses.render_templates import Sent, Verdict, judged
from tests.witnesses.stories import STORIES, histories
from tests.witnesses.templates import Witness

STOPPED = "a stop during a call, then a message"
FREE = ("system", "tools", "answers", "calls", "pictures")


def judge(template: str, *, bridge: bool) -> Verdict:
    """What a template says of the story in which the fault was."""
    profile = replace(get("compatible"), bridge=bridge)
    _, history, ask = next(told for told in histories(0) if told[0] == STOPPED)
    body = render(history, profile, ask)
    handed = {variant: as_handed(body, variant) for variant in VARIANTS}
    render_templates._sent[:] = [Sent((STOPPED,), body, features(body), handed)]
    return judged(Witness("ours", template))


def test_V8_what_only_we_would_send_counts() -> None:
    verdict = judge(COUNTING, bridge=False)
    assert verdict.loop and len(verdict.refused) == len(VARIANTS)
    assert "must alternate" in verdict.refused[0][1]
    assert judge(COUNTING, bridge=True).refused == []


def test_what_is_refused_of_any_client_is_a_property() -> None:
    no_tools = RULES["strictly taking turns, without tools"]
    verdict = judge(no_tools, bridge=True)
    assert (verdict.loop, verdict.talk, verdict.refused) == (False, True, [])
    assert "calls" in verdict.properties


@pytest.mark.parametrize("size", range(len(FREE) + 1))
def test_a_plain_client_has_the_features_that_it_is_asked_for(size: int) -> None:
    for chosen in combinations(FREE, size):
        wanted = frozenset(chosen)
        for body in plain(wanted):
            assert wanted <= features(body)
        for body in plain_items(wanted):
            assert wanted - {"pictures"} <= item_features(body)
        for body in plain_blocks(wanted):
            assert wanted <= block_features(body)


def test_the_stories_are_those_of_the_fault() -> None:
    assert len(STORIES) > 50 and STOPPED in STORIES
