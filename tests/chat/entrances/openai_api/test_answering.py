"""The answer to a message, read while its run goes on (rules W5, R6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from chat.entrances.openai_api import answering
from chat.models import Conversation, Run
from tests.support import rows

#: More than `find` asks.
QUERIES = 12


class Meanwhile:
    """Does something once, right before the statement with this number."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self._number, self._act = number, act
        self.seen = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += 1
        if self.seen == self._number:
            self._act()
        return execute(sql, params, many, context)


@pytest.fixture
def conversation(db: None, django_user_model: Any) -> Conversation:
    return rows.conversation(django_user_model.objects.create(username="alice"))


@pytest.mark.parametrize("begun", [False, True], ids=["nothing said yet", "the step has begun"])
@pytest.mark.parametrize("number", range(1, QUERIES))
def test_R6_a_run_that_ends_between_two_looks_is_not_taken_for_one_without_an_answer(
    conversation: Conversation, number: int, begun: bool
) -> None:
    said = rows.message(conversation, 2, "Hi")
    run = rows.run(conversation, 3, said.message, status="running", ended_at=None)
    step = rows.step(conversation, run, 4, "Hello!")
    whole = step.body
    step.status, step.body = "streaming", {**whole, "status": "streaming", "text": ""}
    step.delete() if not begun else step.save()

    def goes_on() -> None:
        step.status, step.body = "finished", whole
        step.save(force_insert=not begun)
        Run.objects.filter(pk=run.pk).update(status="finished")

    meanwhile = Meanwhile(number, goes_on)
    with connection.execute_wrapper(meanwhile):
        found = answering.find(conversation.pk, said.message)
    assert found is None or found.text == "Hello!"
    if meanwhile.seen < number:
        goes_on()
    found = answering.find(conversation.pk, said.message)
    assert found is not None and (found.status, found.text) == ("finished", "Hello!")
