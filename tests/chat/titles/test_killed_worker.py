"""A worker that is killed while a model writes a title leaves it to another one, with real processes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.browser.models import agent_saying
from tests.chat.runs.test_worker import ASK
from tests.support.processes import Stack
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

WRITTEN = "SELECT text FROM chat_event WHERE type = 'conversation.renamed' AND text LIKE '%\"model\"%'"


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_while_the_model_writes_is_replaced(database_template: Path) -> None:
    asked, go, requests = threading.Event(), threading.Event(), list[str]()

    def answer(said: str) -> str:
        requests.append(said)
        asked.set()
        go.wait(30)
        return "A sum"

    env = {"HOLDFAST_TITLE_AGENT": "namer", "OPENAI_MODEL": "demo-fast"}
    with Stack(template=database_template, env=env) as stack, agent_saying(stack, "namer", answer):
        stack.start("demo")
        first = stack.start("worker", "one")
        stack.manage("shell", "-v", "0", "-c", ASK.format(text="what is 1+1?"))
        assert asked.wait(60), stack.outputs()
        first.kill()
        go.set()
        assert stack.sql("SELECT state, tries FROM chat_titlework") == [("waiting", 1)]
        stack.sql("UPDATE chat_titlework SET claimed_until = 0")  # as if its time were over
        stack.start("worker", "two")
        wait_until(lambda: stack.sql(WRITTEN), 60, "the title")
        ((told,),) = stack.sql(WRITTEN)
        assert '"title":"A sum"' in told and len(requests) == 2
        assert stack.sql("SELECT title FROM chat_conversation") == [("A sum",)]
        assert stack.sql("SELECT status FROM chat_run") == [("finished",)]
        ended = "SELECT 1 FROM chat_titlework WHERE state = 'over' AND tries = 2"
        wait_until(lambda: stack.sql(ended), 10, "the row to say so")
