"""What commands come to, decided on states and nothing else."""

import uuid

import pytest

from agents import closing
from agents import events as e
from chat import decide, rewriting
from chat.session.errors import Rejected
from chat.session.state import merge, reduce

CONVERSATION = str(uuid.uuid4())
NOW = 1_790_000_000_000


def told(*events: e.Event) -> dict:
    """The state after these events in an empty session."""
    state: dict = {}
    for seq, event in enumerate(events, start=1):
        state = merge(state, reduce(state, event, seq))
    return state


def begun(title: str = "") -> list[e.Event]:
    return [e.ConversationCreated(at=NOW, title=title, agent="a")]


def asked(text: str = "hello", message: str = "m1", title: str = "T") -> list[e.Event]:
    """A conversation with one message whose run is queued."""
    return [*begun(title), *send(told(*begun(title)), text, message)]


def send(state: dict, text: str = "hello", message: str = "m1") -> list[e.Event]:
    return decide.decide_send(
        state, conversation=CONVERSATION, message=message, text=text, origin=e.Origin(), now=NOW
    )


RUN = decide.run_id(CONVERSATION, "m1")
STARTED = e.RunStarted(at=NOW, run=RUN, attempt=1, fence=1, worker="w")
STEP = e.StepStarted(at=NOW, run=RUN, step=f"{RUN}.1")


def proposed(*effects: str) -> e.StepFinished:
    calls = tuple(
        e.ProposedCall(call=f"call{n}", ordinal=n, name="save_note", arguments="{}", effect=effect)
        for n, effect in enumerate(effects)
    )
    return e.StepFinished(at=NOW, run=RUN, step=f"{RUN}.1", text="", calls=calls)


def call_started(call: str) -> e.CallStarted:
    return e.CallStarted(at=NOW, step=f"{RUN}.1", call=call, attempt=1, fence=1, worker="w")


def in_doubt(call: str) -> e.CallInDoubt:
    return e.CallInDoubt(at=NOW, step=f"{RUN}.1", call=call, attempt=1)


def doubtful(*calls: str) -> dict:
    """A run that waits because of these calls."""
    effects = ["effectful"] * len(calls)
    waiting = e.RunWaiting(at=NOW, run=RUN, reason="in_doubt")
    doubts = [event for call in calls for event in (call_started(call), in_doubt(call))]
    return told(*asked(), STARTED, STEP, proposed(*effects), *doubts, waiting)


def kinds(events: list[e.Event]) -> list[str]:
    return [event.type for event in events]  # type: ignore[attr-defined]


def test_first_message_names_the_conversation_and_queues_a_run():
    events = send(told(*begun()), "What time is it?\nIn Lisbon, please")
    assert kinds(events) == ["message.added", "conversation.renamed", "run.queued"]
    assert events[1].title == "What time is it?"
    assert events[2] == e.RunQueued(at=NOW, run=RUN, cause="m1")


def test_a_given_title_stays():
    assert kinds(send(told(*begun("Mine")))) == ["message.added", "run.queued"]


def test_R2_a_message_during_a_run_queues_no_second_run():
    assert kinds(send(told(*asked(), STARTED), message="m2")) == ["message.added"]


def test_a_message_that_is_there_is_not_added_again():
    assert send(told(*asked())) == []


def test_R6_only_so_many_messages_may_wait():
    state = told(*asked(), STARTED)
    for n in range(2, decide.MAX_WAITING + 2):
        state = merge(state, reduce(state, send(state, message=f"m{n}")[0], 100 + n))
    with pytest.raises(Rejected, match="too_many_waiting"):
        send(state, message="one-too-many")


def test_R6_a_message_that_no_step_saw_gets_the_next_run():
    late = e.MessageAdded(at=NOW, message="m2", text="and?")
    state = told(*asked(), STARTED, STEP, late)  # the step stands at seq 5
    done = e.RunFinished(at=NOW, run=RUN)
    events = decide.with_next_run(state, [done], conversation=CONVERSATION, seen=5, now=NOW)
    assert events == [done, e.RunQueued(at=NOW, run=decide.run_id(CONVERSATION, "m2"), cause="m2")]
    assert decide.with_next_run(state, [done], conversation=CONVERSATION, seen=6, now=NOW) == [done]
    for end in (e.RunStopped(at=NOW, run=RUN), e.RunFailed(at=NOW, run=RUN, code="model_error")):
        assert decide.with_next_run(state, [end], conversation=CONVERSATION, seen=5, now=NOW) == [
            end,
            events[1],
        ]


def waits(*texts: str) -> list[e.Event]:
    return [e.MessageAdded(at=NOW, message=f"w{n}", text=text) for n, text in enumerate(texts, 1)]


def test_R7_a_stop_swallows_nothing_what_waits_runs_next():
    state = told(*asked(), *waits("and?", "or?"))
    ended = decide.decide_stop(state, by="alice", owned=False, now=NOW, conversation=CONVERSATION)
    assert kinds(ended) == ["run.stopping", "run.stopped", "run.queued"]
    assert ended[-1] == e.RunQueued(at=NOW, run=decide.run_id(CONVERSATION, "w1"), cause="w1")


@pytest.mark.parametrize("owned", [True, False])
def test_R7_a_stop_takes_back_what_waits_when_the_person_says_so(owned):
    state = told(*asked(), *waits("and?", "or?"))
    ended = decide.decide_stop(
        state, by="alice", owned=owned, now=NOW, withdraw=True, conversation=CONVERSATION
    )
    end = [] if owned else ["run.stopped"]
    assert kinds(ended) == ["message.withdrawn", "message.withdrawn", "run.stopping", *end]
    for seq, event in enumerate(ended, 50):
        state = merge(state, reduce(state, event, seq))
    assert [item["id"] for item in decide.items(state) if item["kind"] == "message"] == ["m1"]


def test_R6_what_waits_may_be_changed_and_taken_back_and_what_was_read_may_not_while_its_run_is_at_work():
    state = told(*asked(), STARTED, *waits("and?"))
    edit = {"text": "or?", "attachments": (), "by": "alice", "now": NOW}
    (edited,) = rewriting.decide_edit(state, message="w1", **edit)
    assert edited == e.MessageEdited(at=NOW, message="w1", text="or?", by="alice")
    after = merge(state, reduce(state, edited, 60))
    item = decide.waiting(after)[0]
    assert (item["text"], item["edited"]) == ("or?", {"at": NOW, "by": "alice", "text": "and?"})
    assert rewriting.decide_edit(after, message="w1", **edit) == []
    (gone,) = rewriting.decide_withdraw(after, message="w1", by="alice", now=NOW)
    assert decide.waiting(merge(after, reduce(after, gone, 61))) == []
    with pytest.raises(Rejected, match="run_active"):
        rewriting.decide_edit(state, message="m1", **edit)
    with pytest.raises(Rejected, match="already_read"):
        rewriting.decide_withdraw(state, message="m1", by="alice", now=NOW)
    for call in (rewriting.decide_withdraw, rewriting.decide_edit):
        with pytest.raises(Rejected, match="unknown_message"):
            call(
                state,
                message="nobody",
                **({"by": "", "now": NOW} if call is rewriting.decide_withdraw else edit),
            )


def test_R6_a_message_that_the_model_has_read_may_be_changed_where_it_stands_when_nothing_runs():
    state = told(*asked(), STARTED, STEP, e.RunFailed(at=NOW, run=RUN, code="model_error"))
    edit = {"text": "hallo", "attachments": (), "by": "alice", "now": NOW}
    assert kinds(rewriting.decide_edit(state, message="m1", **edit)) == ["message.edited"]
    assert kinds(rewriting.decide_edit(state, message="long ago", elsewhere=True, **edit)) == [
        "message.edited"
    ]


def test_R7_stop_without_a_run_is_refused():
    with pytest.raises(Rejected, match="no_run"):
        decide.decide_stop(told(*begun()), by="alice", owned=False, now=NOW)


def test_R7_a_stop_that_names_a_run_does_not_hit_a_later_one():
    state = told(*asked(), STARTED)
    with pytest.raises(Rejected, match="no_run"):
        decide.decide_stop(state, by="alice", owned=True, now=NOW, run="an earlier one")
    assert kinds(decide.decide_stop(state, by="alice", owned=True, now=NOW, run=RUN)) == ["run.stopping"]


def test_R7_a_queued_run_that_nobody_owns_is_closed_at_once():
    events = decide.decide_stop(told(*asked()), by="alice", owned=False, now=NOW)
    assert kinds(events) == ["run.stopping", "run.stopped"]


def test_R7_an_owned_run_is_asked_to_stop_once():
    state = told(*asked(), STARTED)
    events = decide.decide_stop(state, by="alice", owned=True, now=NOW)
    assert kinds(events) == ["run.stopping"]
    assert decide.decide_stop(told(*asked(), STARTED, *events), by="alice", owned=True, now=NOW) == []


def test_R7_a_run_that_died_is_left_to_a_worker():
    events = decide.decide_stop(told(*asked(), STARTED), by="alice", owned=False, now=NOW)
    assert kinds(events) == ["run.stopping"]


def test_R7_stopping_a_waiting_run_closes_every_open_call():
    state = told(
        *asked(),
        STARTED,
        STEP,
        proposed("effectful", "read_only"),
        call_started("call0"),
        in_doubt("call0"),
        e.RunWaiting(at=NOW, run=RUN, reason="in_doubt"),
    )
    events = decide.decide_stop(state, by="alice", owned=False, now=NOW)
    assert kinds(events) == ["run.stopping", "call.settled", "call.settled", "run.stopped"]
    doubt, fresh = events[1], events[2]
    assert (doubt.code, fresh.code) == ("interrupted", "cancelled_by_user")
    assert "may or may not" in doubt.result
    assert "Nothing was executed" in fresh.result


def test_R7_text_that_had_come_is_kept_when_stopped():
    resumed = e.RunResumed(at=NOW, run=RUN)
    state = told(*asked(), STARTED, STEP, resumed)
    events = decide.close_run(state, by="a", now=NOW, streamed=closing.Streamed(f"{RUN}.1", "Half an ans"))
    assert kinds(events) == ["step.stopped", "run.stopped"]
    assert events[0].text == "Half an ans"
    assert kinds(decide.close_run(state, by="a", now=NOW)) == ["step.discarded", "run.stopped"]


def test_failing_closes_calls_with_what_is_known():
    state = told(*asked(), STARTED, STEP, proposed("effectful", "read_only"), call_started("call0"))
    events = decide.fail_run(state, code="crashed_too_often", detail="d", now=NOW)
    assert kinds(events) == ["call.settled", "call.settled", "run.failed"]
    assert [event.code for event in events[:2]] == ["interrupted", "not_started"]


@pytest.mark.parametrize(
    ("decision", "kind", "status"),
    [
        ("happened", "call.settled", "succeeded"),
        ("did_not_happen", "call.settled", "failed"),
        ("run_again", "call.retried", None),
    ],
)
def test_R4_a_person_decides_and_the_run_goes_on(decision, kind, status):
    events = decide.decide_settle(
        doubtful("call0"), call="call0", decision=decision, result="noted", by="alice", now=NOW
    )
    assert kinds(events) == [kind, "run.resumed"]
    assert getattr(events[0], "status", None) == status
    assert events[0].by == "alice"
    if status:
        assert events[0].code == "resolved_by_person"
        assert events[0].result == "noted"


def test_R4_the_run_waits_until_no_doubt_is_left():
    state = doubtful("call0", "call1")
    one = decide.decide_settle(state, call="call1", decision="run_again", result="", by="a", now=NOW)
    assert kinds(one) == ["call.retried"]


def test_W7_unknown_settled_and_undoubted_calls_are_refused():
    state = doubtful("call0")

    def settle(state: dict, call: str):
        return decide.decide_settle(state, call=call, decision="happened", result="", by="a", now=NOW)

    with pytest.raises(Rejected, match="unknown_call"):
        settle(state, "nobody")
    after = merge(state, reduce(state, settle(state, "call0")[0], 50))
    with pytest.raises(Rejected, match="already_settled"):
        settle(after, "call0")
    with pytest.raises(Rejected, match="bad_command"):
        settle(told(*asked(), STARTED, STEP, proposed("effectful")), "call0")
    # Somebody has had it run again; whoever decides now is late, whether it runs yet or not (seed 2026 of chaos).
    again = decide.decide_settle(state, call="call0", decision="run_again", result="", by="b", now=NOW)
    retried = merge(state, reduce(state, again[0], 50))
    with pytest.raises(Rejected, match="already_decided"):
        settle(retried, "call0")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  \n Hello \n there", "Hello"),
        ("word " * 30, "word " * 10 + "word…"),
        ("x" * 100, "x" * 59 + "…"),
        ("\n", ""),
    ],
)
def test_titles_are_short_first_lines(text, title):
    assert decide.title_from(text) == title


def test_renaming_to_the_same_title_changes_nothing():
    state = told(*begun("T"))
    assert decide.decide_rename(state, title="T", now=NOW) == []
    assert kinds(decide.decide_rename(state, title="U", now=NOW)) == ["conversation.renamed"]


def test_W7_a_probe_that_comes_after_a_persons_word_changes_nothing():
    """Found by chaos, seed 3: the call was run again although a person had settled it."""
    state = doubtful("call0")
    probed = e.CallRetried(at=NOW, step=STEP.step, call="call0", by="probe")
    assert decide.fitting(state, [probed]) == [probed]
    said = decide.decide_settle(
        state, call="call0", decision="happened", result="It did.", by="alice", now=NOW
    )
    for event in said:
        state = merge(state, reduce(state, event, 50))
    assert decide.fitting(state, [probed]) == []


DIGEST = e.approval_digest("save_note", "{}")
WAITING = e.RunWaiting(at=NOW, run=RUN, reason="approval")


def approval_asked(call: str) -> e.ApprovalAsked:
    return e.ApprovalAsked(at=NOW, step=f"{RUN}.1", call=call, digest=DIGEST)


def awaiting(*calls: str, more: tuple[e.Event, ...] = (WAITING,)) -> dict:
    """A run that waits until somebody allows these calls."""
    asks = [approval_asked(call) for call in calls]
    return told(*asked(), STARTED, STEP, proposed(*["effectful"] * len(calls)), *asks, *more)


def approve(
    state: dict, call: str = "call0", decision="approve", digest: str = DIGEST, **more
) -> list[e.Event]:
    settings = {"note": "", "by": "alice", "now": NOW, **more}
    return decide.decide_approval(state, call=call, digest=digest, decision=decision, **settings)


def after(state: dict, events: list[e.Event]) -> dict:
    for event in events:
        state = merge(state, reduce(state, event, 50))
    return state


def test_W8_an_allowed_call_is_queued_and_the_run_goes_on_at_once():
    events = approve(awaiting("call0", "call1"))
    assert kinds(events) == ["approval.decided", "run.resumed"]
    assert (events[0].decision, events[0].by, events[0].digest) == ("approved", "alice", DIGEST)


def test_W8_a_refused_call_has_its_outcome_and_the_run_waits_for_the_other():
    state = awaiting("call0", "call1")
    events = approve(state, "call1", "refuse", note="too dear")
    assert kinds(events) == ["approval.decided", "call.settled"]
    assert (events[1].status, events[1].code, events[1].by) == ("cancelled", "refused", "alice")
    assert "refused" in events[1].result and events[1].result.endswith("too dear")
    last = approve(after(state, events), "call0", "refuse")
    assert kinds(last) == ["approval.decided", "call.settled", "run.resumed"]


def test_W8_while_the_run_works_on_other_calls_nothing_is_resumed():
    assert kinds(approve(awaiting("call0", more=()))) == ["approval.decided"]


def test_W8_one_word_wins_and_each_loser_gets_a_code():
    state = awaiting("call0", "call1")
    for call, digest, code in (
        ("nobody", DIGEST, "unknown_call"),
        ("call0", "another", "wrong_digest"),
    ):
        with pytest.raises(Rejected, match=code):
            approve(state, call, digest=digest)
    for first in ("approve", "refuse"):
        decided = after(state, approve(state, decision=first))
        for second in ("approve", "refuse"):
            with pytest.raises(Rejected, match="already_decided"):
                approve(decided, decision=second, by="bob")
    closed = after(state, decide.decide_stop(state, by="alice", owned=False, now=NOW))
    with pytest.raises(Rejected, match="already_settled"):
        approve(closed)
    with pytest.raises(Rejected, match="bad_command"):
        approve(told(*asked(), STARTED, STEP, proposed("effectful")))
    with pytest.raises(Rejected, match="bad_command"):
        approve(doubtful("call0"))


def test_W8_a_run_that_waits_for_both_says_what_it_still_waits_for():
    in_doubt_too = (
        call_started("call1"),
        in_doubt("call1"),
        e.RunWaiting(at=NOW, run=RUN, reason="in_doubt"),
    )
    asks = approval_asked("call0")
    state = told(*asked(), STARTED, STEP, proposed("effectful", "effectful"), asks, *in_doubt_too)
    settle = {"call": "call1", "decision": "happened", "result": "", "by": "a", "now": NOW}
    told_once = decide.decide_settle(state, **settle)
    assert kinds(told_once) == ["call.settled", "run.waiting"]
    assert told_once[1].reason == "approval"
    refused = approve(state, decision="refuse")
    assert kinds(refused) == ["approval.decided", "call.settled"]
    assert kinds(decide.decide_settle(after(state, refused), **settle)) == ["call.settled", "run.resumed"]


def test_R7_stopping_a_run_that_waits_for_a_yes_closes_the_call():
    events = decide.decide_stop(awaiting("call0"), by="alice", owned=False, now=NOW)
    assert kinds(events) == ["run.stopping", "call.settled", "run.stopped"]
    assert events[1].code == "cancelled_by_user" and "Nothing was executed" in events[1].result


def test_W8_a_run_does_not_wait_for_a_decision_that_was_just_made():
    state = awaiting("call0", "call1", more=())
    assert decide.fitting(state, [WAITING]) == [WAITING]
    allowed = after(state, approve(state))
    assert decide.fitting(allowed, [WAITING]) == []
    refused = after(state, [*approve(state, decision="refuse"), *approve(state, "call1", "refuse")])
    assert decide.fitting(refused, [WAITING]) == []


def test_R7_nobody_is_asked_once_a_stop_was_asked_for():
    state = told(*asked(), STARTED, STEP, proposed("effectful"), e.RunStopping(at=NOW, run=RUN, by="a"))
    assert decide.fitting(state, [approval_asked("call0")]) == []


def policy_word(call: str) -> e.CallSettled:
    return e.CallSettled(
        at=NOW,
        step=STEP.step,
        call=call,
        attempt=1,
        status="cancelled",
        result="?",
        preview="?",
        size=1,
        code="outcome_unknown",
        by="policy",
    )


@pytest.mark.parametrize("decision", ["happened", "did_not_happen", "run_again"])
def test_W7_a_policy_that_comes_after_a_persons_word_changes_nothing(decision):
    state = doubtful("call0")
    told_so = policy_word("call0")
    given_up = [
        told_so.model_copy(update={"code": "interrupted"}),
        e.RunFailed(at=NOW, run=RUN, code="outcome_unknown", detail="d"),
    ]
    assert decide.fitting(state, [told_so]) == [told_so]
    assert decide.fitting(state, given_up) == given_up
    for event in decide.decide_settle(state, call="call0", decision=decision, result="", by="alice", now=NOW):
        state = merge(state, reduce(state, event, 50))
    assert decide.fitting(state, [told_so]) == []
    assert decide.fitting(state, given_up) == []


def test_a_process_that_was_seen_to_die_is_named_only_for_its_own_run():
    state = told(*asked(), STARTED)
    assert kinds(decide.crashed(state, run=RUN, worker="w", now=NOW)) == ["run.recovering"]
    assert decide.crashed(state, run=RUN, worker="another", now=NOW) == []
    assert decide.crashed(state, run="another", worker="w", now=NOW) == []
    assert decide.crashed(told(*asked()), run=RUN, worker="w", now=NOW) == []
    after = told(*asked(), STARTED, e.RunRecovering(at=NOW, run=RUN, reason="handed_over"))
    assert decide.crashed(after, run=RUN, worker="w", now=NOW) == []


def test_R6_the_newest_request_is_found_in_the_state():
    state = told(*asked())
    cause = decide.seen(state)
    assert cause == 2
    assert decide.seen(told(*asked(), STARTED, STEP)) > cause
    assert decide.seen({}) == 0


def test_R6_a_run_does_not_end_with_its_answer_if_somebody_has_spoken_since_it_began() -> None:
    answered = e.StepFinished(at=NOW, run=RUN, step=f"{RUN}.1", text="hi")
    over = e.RunFinished(at=NOW, run=RUN)
    state = told(*asked(), STARTED, STEP)
    assert decide.fitting(state, [answered, over]) == [answered, over]
    spoken = merge(state, reduce(state, e.MessageAdded(at=NOW, message="m2", text="and?"), 9))
    assert decide.fitting(spoken, [answered, over]) == [answered]
    limited = e.RunFinished(at=NOW, run=RUN, limit="limit_steps")
    assert decide.fitting(spoken, [answered, limited]) == [answered, limited], (
        "what waits gets a run of its own"
    )
    assert decide.fitting(spoken, [over]) == [over], "decided on a history that holds the message"


def test_R7_no_call_begins_with_its_step_once_a_stop_was_asked_for() -> None:
    state = told(*asked(), STARTED, STEP, e.RunStopping(at=NOW, run=RUN, by="Alice"))
    step = proposed("read_only")
    assert decide.fitting(state, [step, call_started("call0")]) == [step]
