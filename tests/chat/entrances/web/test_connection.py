"""The connection without a socket: what it answers, rule by rule."""

import json
import os
from itertools import pairwise
from random import Random

import pytest

from agents import events as e
from chat.commands import MAX_TEXT
from chat.entrances.web import protocol as p
from chat.entrances.web.connection import (
    CLOSE_LOGGED_OUT,
    CLOSE_POLICY,
    CloseConversation,
    CloseSocket,
    Connection,
    OpenConversation,
    Send,
    SubmitCommand,
)
from chat.entrances.web.outlet import Outlet
from chat.http.limits import RateLimits
from chat.session.contract import Batch, Loaded, LogEvent, LogPart, Position, StreamedPart, next_tag
from tests.support import odd

ONE = "0192f0c1-2345-7000-8000-000000000001"
TWO = "0192f0c1-2345-7000-8000-000000000002"
COMMAND = "0192f0c1-2345-7000-8000-00000000000c"
EPOCH = "abcdef012345"
PLENTY = RateLimits(burst=10_000, flood=10_000)
TOKEN = "the token of this login"


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now


class Client:
    """A connection and what its client has got of it, as the client would read it."""

    def __init__(self, *, greeted: bool = True, limits: RateLimits = PLENTY) -> None:
        self.clock = Clock()
        self.connection = Connection("alice", self.clock, is_token=TOKEN.__eq__, limits=limits)
        self.effects: list = []
        if greeted:
            self.say(type="hello", protocol=p.PROTOCOL, tab="t", token=TOKEN)

    def say(self, **frame) -> list[dict]:
        return self.hear(self.connection.receive(json.dumps(frame)))

    def hear(self, actions) -> list[dict]:
        """The frames among the actions, each checked against the schema; effects are kept in `effects`."""
        outlet = Outlet()
        for action in actions:
            if isinstance(action, Send):
                outlet.put(action.item)
            else:
                self.effects.append(action)
        texts = []
        while (text := outlet.take()) is not None:
            p.server_frames.validate_json(text)
            texts.append(json.loads(text))
        return texts

    def opened(self, conversation: str = ONE, loaded: Loaded | None = None, **fields) -> list[dict]:
        """Open a conversation and show it; returns the frames."""
        self.say(type="open", conversation=conversation, **fields)
        opening = self.effects[-1]
        assert isinstance(opening, OpenConversation)
        return self.hear(self.connection.show(conversation, opening.attempt, loaded or session(0)))


EVENTS = [e.to_json(e.ConversationRenamed(at=1, title=str(number))) for number in range(1, 50)]


def tag(seq: int) -> str:
    """The tag after the first `seq` of EVENTS."""
    value = ""
    for text in EVENTS[:seq]:
        value = next_tag(value, text)
    return value


def position(seq: int) -> Position:
    return Position(EPOCH, seq, tag(seq))


def session(seq: int, *, part: StreamedPart | None = None) -> Loaded:
    """A session after the first `seq` of EVENTS."""
    info = '{"title":"t","agent":"a","created_at":1}'
    return Loaded(position(seq), {"info": info, "run": "null"}, part, f"{seq}-0", seq, 0, True)


def log(first: int, last: int) -> list[LogEvent]:
    return [LogEvent(f"{n}-0", n, tag(n - 1), tag(n), EVENTS[n - 1]) for n in range(first, last + 1)]


def batch(*entries, epoch: str = EPOCH) -> Batch:
    return Batch(epoch, list(entries), entries[-1].id)


class TestHello:
    def test_hello_is_answered_with_the_protocol_and_the_servers_clock(self):
        client = Client(greeted=False)
        (welcome,) = client.say(type="hello", protocol=p.PROTOCOL, tab="t", token=TOKEN)
        assert welcome["type"] == "welcome" and welcome["now"] == client.clock.now

    def test_anything_before_hello_is_refused_and_hello_still_works(self):
        client = Client(greeted=False)
        (error,) = client.say(type="open", conversation=ONE)
        assert error["code"] == "hello_first"
        assert client.effects == []
        assert client.say(type="hello", protocol=p.PROTOCOL, tab="t", token=TOKEN)[0]["type"] == "welcome"

    def test_W9_a_client_of_another_protocol_is_told_to_go(self):
        client = Client(greeted=False)
        (goaway,) = client.say(type="hello", protocol=p.PROTOCOL + 1, tab="t", token=TOKEN)
        assert goaway["reason"] == "protocol"
        assert client.effects == [CloseSocket(CLOSE_POLICY)]
        assert client.say(type="ping") == []

    @pytest.mark.parametrize("token", ["", "that of another login", "x" * 64])
    def test_W11_a_hello_without_the_token_of_its_login_gets_nothing_and_may_come_again(self, token):
        client = Client(greeted=False)
        (goaway,) = client.say(type="hello", protocol=p.PROTOCOL, tab="t", token=token)
        assert (goaway["type"], goaway["reason"]) == ("goaway", "token")
        assert client.effects == [CloseSocket(CLOSE_POLICY)]
        assert client.say(type="open", conversation=ONE) == [] and client.connection.list_changed() == []

    def test_W11_a_hello_that_knows_of_no_token_is_a_mistake(self):
        client = Client(greeted=False)
        assert client.say(type="hello", protocol=p.PROTOCOL, tab="t")[0]["code"] == "bad_frame"
        assert client.connection.phase == "hello"

    @pytest.mark.parametrize(
        "hello",
        [
            {"protocol": p.PROTOCOL - 1},
            {"protocol": p.PROTOCOL + 1, "tab": "t" * 500},
            {"protocol": p.PROTOCOL + 1, "tab": "t", "languages": ["zh"], "resume": {"at": 1}},
        ],
        ids=["older and shorter", "newer with a longer tab", "newer with more fields"],
    )
    def test_W9_a_tab_of_another_release_is_told_to_reload_whatever_its_hello_holds(self, hello):
        client = Client(greeted=False)
        (goaway,) = client.say(type="hello", **hello)
        assert (goaway["type"], goaway["reason"]) == ("goaway", "protocol")
        assert client.connection.phase == "over"

    def test_a_hello_of_this_protocol_with_a_field_that_it_does_not_have_is_a_mistake(self):
        client = Client(greeted=False)
        assert (
            client.say(type="hello", protocol=p.PROTOCOL, tab="t", token=TOKEN, more=1)[0]["code"]
            == "bad_frame"
        )

    def test_a_socket_that_never_says_hello_is_closed(self):
        client = Client(greeted=False)
        assert client.hear(client.connection.hello_overdue())[0]["code"] == "hello_first"
        assert client.effects == [CloseSocket(CLOSE_POLICY)]

    def test_a_socket_that_said_hello_in_time_is_not(self):
        client = Client()
        assert client.connection.hello_overdue() == []

    def test_another_hello_is_a_mistake_and_no_more_and_the_same_once_more_is_not_even_that(self):
        client = Client()
        assert (
            client.say(type="hello", protocol=p.PROTOCOL, tab="another", token=TOKEN)[0]["code"]
            == "bad_frame"
        )
        assert client.say(type="hello", protocol=p.PROTOCOL, tab=client.connection.tab, token=TOKEN) == []


class TestBadFrames:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "[]",
            "null",
            '"hello"',
            "{}",
            '{"type":"nonsense"}',
            '{"type":"open"}',
            '{"type":"open","conversation":7}',
            '{"type":"open","conversation":"../../etc"}',
            '{"type":"open","conversation":"' + ONE + '","cursor":"' + "x" * 101 + '"}',
            '{"type":"ping","extra":1}',
            '{"type":"command","id":"1","conversation":"' + ONE + '","body":{"kind":"stop"}}',
            '{"type":"command","id":"'
            + COMMAND
            + '","conversation":"'
            + ONE
            + '","body":{"kind":"drop table"}}',
            "[" * 30_000,
            '{"type":"ping"' + " " * 10 + "\x00}",
        ],
    )
    def test_W11_a_bad_frame_gets_an_error_and_the_socket_lives_on(self, text):
        client = Client()
        (error,) = client.hear(client.connection.receive(text))
        assert error["type"] == "error" and error["code"] == "bad_frame"
        assert client.effects == []
        assert client.say(type="ping")[0]["type"] == "pong"

    def test_W11_the_error_does_not_repeat_what_was_sent(self):
        (error,) = Client().say(type="open", conversation="secret-secret")
        assert "secret" not in error["detail"]
        assert "conversation" in error["detail"]

    def test_W11_the_error_names_the_command_that_cannot_be_read(self):
        """Otherwise the client would have to guess which of its frames it was."""
        head = '{"type":"command","id":"' + COMMAND + '","conversation":"' + ONE + '","body":'
        for text in (head + '{"kind":"drop table"}}', head + '{"kind":"send","text":"' + "x" * 140_000):
            (error,) = Client().hear(Client().connection.receive(text))
            assert error["command"] == COMMAND
        (error,) = Client().say(type="open", conversation="x")
        assert error["command"] is None

    def test_W11_a_binary_frame_gets_an_error(self):
        client = Client()
        assert client.hear(client.connection.receive(b"\x00\xff"))[0]["code"] == "bad_frame"

    def test_W11_a_frame_over_the_limit_gets_an_error_counted_in_bytes(self):
        client = Client()
        assert client.hear(client.connection.receive("字" * 50_000))[0]["code"] == "too_large"
        assert client.say(type="ping")[0]["type"] == "pong"

    def test_W11_the_longest_message_fits_in_any_language(self):
        client = Client()
        for letter in ("a", "字", "🙂"):
            body = {"kind": "send", "message": TWO, "text": letter * MAX_TEXT}
            frame = {"type": "command", "id": COMMAND, "conversation": ONE, "body": body}
            text = json.dumps(frame, ensure_ascii=False)
            assert client.hear(client.connection.receive(text)) == []
            assert isinstance(client.effects[-1], SubmitCommand)

    def test_W11_seeded_nonsense_never_raises(self):
        seed = 20_261_122
        print(f"seed {seed}")
        random = Random(seed)
        valid = json.dumps({"type": "open", "conversation": ONE, "cursor": "e:1:a"})
        client = Client(limits=RateLimits(burst=10**6, flood=10**6))
        for _ in range(3_000):
            letters = list(valid)
            for _ in range(random.randint(1, 6)):
                letters[random.randrange(len(letters))] = random.choice('{}[]",:\\\x00é🙂0')
            for frame in client.hear(client.connection.receive("".join(letters))):
                assert frame["type"] == "error"


class TestRate:
    def test_W11_too_many_frames_get_errors_and_the_socket_lives_on(self):
        client = Client(limits=RateLimits())
        kinds = [client.say(type="ping")[0] for _ in range(35)]
        assert [frame["type"] for frame in kinds[:29]] == ["pong"] * 29
        assert {frame["code"] for frame in kinds[29:]} == {"too_fast"}
        assert all(frame["retry"] for frame in kinds[29:])
        client.clock.now += 3_000
        assert client.say(type="ping")[0]["type"] == "pong"

    def test_W11_commands_count_like_any_frame(self):
        client = Client(limits=RateLimits())
        for _ in range(40):
            client.say(type="command", id=COMMAND, conversation=ONE, body={"kind": "stop"})
        assert len(client.effects) == 29

    def test_W11_only_a_flood_that_goes_on_is_closed(self):
        client = Client(limits=RateLimits())
        for _ in range(200):
            client.say(type="ping")
        assert client.effects == [CloseSocket(CLOSE_POLICY)]
        assert client.say(type="ping") == []


class TestOpening:
    def test_W1_opening_gives_a_snapshot_and_then_synced_at_the_same_cursor(self):
        snapshot, synced = Client().opened(loaded=session(3))
        assert snapshot["type"] == "snapshot" and synced["type"] == "synced"
        assert snapshot["cursor"] == synced["cursor"] == position(3).cursor

    def test_W1_a_client_that_is_at_the_head_already_gets_only_synced(self):
        frames = Client().opened(loaded=session(3), cursor=position(3).cursor)
        assert [frame["type"] for frame in frames] == ["synced"]

    @pytest.mark.parametrize(
        "cursor", [None, "nonsense", position(2).cursor, f"other:3:{tag(3)}", f"{EPOCH}:3:x"]
    )
    def test_W1_any_other_cursor_gets_the_snapshot(self, cursor):
        frames = Client().opened(loaded=session(3), cursor=cursor)
        assert [frame["type"] for frame in frames] == ["snapshot", "synced"]

    def test_W4_a_client_at_the_head_gets_the_text_that_streams(self):
        loaded = session(3, part=StreamedPart("s.1", "so far"))
        part, synced = Client().opened(loaded=loaded, cursor=position(3).cursor)
        assert (part["type"], part["offset"], part["text"]) == ("part", 0, "so far")
        assert synced["type"] == "synced"

    def test_W4_long_streaming_text_comes_with_the_snapshot_and_goes_on_in_parts(self):
        text = "🙂" * 100_000
        snapshot, *parts, synced = Client().opened(loaded=session(3, part=StreamedPart("s.1", text)))
        whole = snapshot["part"]["text"]
        for part in parts:
            assert part["offset"] == len(whole.encode("utf-16-le")) // 2
            whole += part["text"]
        assert whole == text and synced["type"] == "synced"

    def test_W11_a_conversation_that_is_not_the_users_is_gone(self):
        client = Client()
        client.say(type="open", conversation=ONE)
        assert client.hear(client.connection.gone(ONE)) == [{"type": "gone", "conversation": ONE}]
        assert client.connection.open_conversations() == []

    def test_opening_again_begins_again(self):
        client = Client()
        client.opened(loaded=session(1))
        frames = client.opened(loaded=session(2))
        assert CloseConversation(ONE) in client.effects
        assert [frame["type"] for frame in frames] == ["snapshot", "synced"]

    def test_a_late_answer_to_an_earlier_opening_is_ignored(self):
        client = Client()
        client.say(type="open", conversation=ONE)
        early = client.effects[-1].attempt
        client.say(type="close", conversation=ONE)
        client.say(type="open", conversation=ONE)
        assert not client.connection.awaits(ONE, early)
        assert client.connection.show(ONE, early, session(1)) == []
        assert client.connection.awaits(ONE, client.effects[-1].attempt)

    def test_W11_only_so_many_conversations_are_open_at_once(self):
        client = Client()
        for number in range(20):
            client.opened(f"0192f0c1-2345-7000-8000-{number:012d}")
        (error,) = client.say(type="open", conversation=ONE.replace("1", "f"))
        assert error["code"] == "too_many_open"
        client.say(type="close", conversation="0192f0c1-2345-7000-8000-000000000000")
        assert client.say(type="open", conversation=ONE.replace("1", "f")) == []

    def test_closing_what_is_not_open_is_harmless(self):
        client = Client()
        assert client.say(type="close", conversation=ONE) == []
        assert client.effects == []

    def test_what_cannot_be_read_now_is_said_to_be_unavailable_and_may_be_tried_again(self):
        client = Client()
        client.say(type="open", conversation=ONE)
        (error,) = client.hear(client.connection.unavailable(ONE))
        assert (error["code"], error["retry"], error["conversation"]) == ("unavailable", True, ONE)
        assert client.opened()[-1]["type"] == "synced"


class TestFollowing:
    def test_W2_events_carry_the_cursor_before_and_after_them(self):
        client = Client()
        client.opened(loaded=session(2))
        frames = client.hear(client.connection.follow(ONE, batch(*log(3, 5))))
        cursors = [position(seq).cursor for seq in range(2, 6)]
        assert [(frame["prev"], frame["cursor"]) for frame in frames] == list(pairwise(cursors))
        assert [frame["event"]["title"] for frame in frames] == ["3", "4", "5"]

    def test_W2_what_the_client_has_already_is_not_sent_again(self):
        client = Client()
        client.opened(loaded=session(4))
        frames = client.hear(client.connection.follow(ONE, batch(*log(2, 6))))
        assert [frame["seq"] for frame in frames] == [5, 6]

    def test_W2_a_hole_ends_in_a_resync_not_in_a_broken_chain(self):
        client = Client()
        client.opened(loaded=session(1))
        frames = client.hear(client.connection.follow(ONE, batch(*log(3, 4))))
        assert frames == [{"type": "resync", "conversation": ONE, "reason": "gap"}]
        assert CloseConversation(ONE) in client.effects
        assert client.connection.follow(ONE, batch(*log(5, 6))) == []

    def test_W2_an_event_on_another_branch_ends_in_a_resync(self):
        client = Client()
        client.opened(loaded=session(1))
        stray = LogEvent("2-0", 2, "0000000000000000", tag(2), EVENTS[1])
        assert client.hear(client.connection.follow(ONE, batch(stray)))[0]["reason"] == "gap"

    def test_S6_another_epoch_ends_in_a_resync(self):
        client = Client()
        client.opened(loaded=session(1))
        frames = client.hear(client.connection.follow(ONE, batch(*log(2, 2), epoch="fedcba543210")))
        assert frames[0]["reason"] == "epoch"

    def test_W4_parts_are_passed_on_in_their_place_among_the_events(self):
        client = Client()
        client.opened(loaded=session(1))
        entries = [*log(2, 2), LogPart("2-1", "s.1", 0, "Hel"), LogPart("2-2", "s.1", 3, "lo"), *log(3, 3)]
        frames = client.hear(client.connection.follow(ONE, batch(*entries)))
        assert [frame["type"] for frame in frames] == ["event", "part", "event"]
        assert frames[1]["text"] == "Hello"

    def test_W10_an_event_too_large_for_a_frame_becomes_a_resync(self):
        client = Client()
        client.opened(loaded=session(0))
        huge = e.to_json(e.ConversationRenamed(at=1, title="x" * 600_000))
        entry = LogEvent("1-0", 1, "", next_tag("", huge), huge)
        assert client.hear(client.connection.follow(ONE, batch(entry)))[0]["reason"] == "behind"

    def test_nothing_is_sent_of_a_conversation_that_was_closed(self):
        client = Client()
        client.opened()
        client.say(type="close", conversation=ONE)
        assert client.connection.follow(ONE, batch(*log(1, 1))) == []
        assert client.connection.lose(ONE, "store_lost") == []

    def test_W10_a_lost_conversation_can_be_opened_again(self):
        client = Client()
        client.opened()
        assert client.hear(client.connection.lose(ONE, "slow"))[0]["reason"] == "slow"
        assert client.opened(loaded=session(2))[0]["type"] == "snapshot"

    def test_events_arriving_before_the_snapshot_was_shown_are_not_sent(self):
        client = Client()
        client.say(type="open", conversation=ONE)
        assert client.connection.follow(ONE, batch(*log(1, 1))) == []


class TestHeartbeat:
    def test_W3_the_heartbeat_has_the_heads_of_what_is_open_and_of_nothing_else(self):
        client = Client()
        client.opened(ONE)
        client.say(type="open", conversation=TWO)
        heads = {ONE: position(5).cursor, TWO: position(1).cursor, COMMAND: "e:1:a"}
        (beat,) = client.hear(client.connection.heartbeat(heads))
        assert beat["heads"] == {ONE: position(5).cursor}
        assert beat["now"] == client.clock.now

    def test_W3_a_heartbeat_comes_even_when_the_heads_cannot_be_read(self):
        client = Client()
        client.opened(ONE)
        assert client.hear(client.connection.heartbeat({}))[0]["heads"] == {}

    def test_no_heart_beats_before_hello(self):
        assert Client(greeted=False).connection.heartbeat({}) == []


class TestCommands:
    def test_W5_a_command_is_submitted_and_its_result_names_it(self):
        client = Client()
        client.say(type="command", id=COMMAND, conversation=ONE, body={"kind": "stop"})
        (submit,) = client.effects
        assert isinstance(submit, SubmitCommand)
        (result,) = client.hear(client.connection.result(submit.command, "applied", cursor="e:1:a"))
        assert (result["id"], result["conversation"], result["status"]) == (COMMAND, ONE, "applied")
        assert result["cursor"] == "e:1:a" and result["code"] is None and result["retry"] is False

    def test_W5_a_rejection_has_a_code_and_says_whether_to_retry(self):
        client = Client()
        client.say(type="command", id=COMMAND, conversation=ONE, body={"kind": "stop"})
        command = client.effects[0].command
        (result,) = client.hear(client.connection.result(command, "rejected", code="unavailable", retry=True))
        assert (result["status"], result["code"], result["retry"]) == ("rejected", "unavailable", True)

    def test_W6_a_command_for_a_conversation_that_is_not_open_is_submitted_all_the_same(self):
        client = Client()
        client.say(type="close", conversation=ONE)
        client.say(type="command", id=COMMAND, conversation=ONE, body={"kind": "stop"})
        assert isinstance(client.effects[-1], SubmitCommand)


class TestGoaway:
    def test_W9_a_leaving_server_says_when_to_come_back(self):
        client = Client()
        (goaway,) = client.hear(client.connection.go_away("restart", 700))
        assert goaway == {"type": "goaway", "after_ms": 700, "reason": "restart"}
        assert isinstance(client.effects[-1], CloseSocket)
        assert client.connection.go_away("restart") == []

    def test_W11_a_logged_out_user_is_told_so_with_a_code_that_does_not_reconnect(self):
        client = Client()
        (goaway,) = client.hear(client.connection.go_away("logged_out"))
        assert goaway["reason"] == "logged_out"
        assert client.effects == [CloseSocket(CLOSE_LOGGED_OUT)]

    def test_W11_after_goodbye_nothing_more_is_shown(self):
        client = Client()
        client.opened(ONE)
        client.say(type="open", conversation=TWO)
        attempt = client.effects[-1].attempt
        client.connection.go_away("logged_out")
        assert client.connection.follow(ONE, batch(*log(1, 1))) == []
        assert client.connection.show(TWO, attempt, session(1)) == []
        assert client.connection.heartbeat({}) == client.connection.list_changed() == []

    def test_the_list_bell_is_passed_on(self):
        client = Client()
        assert client.hear(client.connection.list_changed()) == [{"type": "list"}]


def test_no_frame_surprises_a_connection():
    """`make fuzz` tries 100,000."""
    for number in range(int(os.environ.get("HOLDFAST_FUZZ", "1500"))):
        rng = Random(number)
        client = Client(greeted=rng.random() < 0.9)
        sample = rng.choice(
            (
                {"type": "hello", "protocol": p.PROTOCOL, "tab": "t"},
                {"type": "open", "conversation": ONE, "cursor": f"{EPOCH}:1-0"},
                {
                    "type": "command",
                    "id": COMMAND,
                    "conversation": ONE,
                    "body": {"kind": "send", "text": "x"},
                },
            )
        )
        raw = odd.body(rng, sample, ("type", "id", "conversation", "body", "cursor", "tab", "protocol"))
        for frame in client.hear(client.connection.receive(raw.decode("utf-8", "replace"))):
            json.dumps(frame, ensure_ascii=False).encode()
        for effect in client.effects:
            if isinstance(effect, SubmitCommand):
                assert "\0" not in repr(effect)
