"""The main promise: whatever happens to the page or its link, it ends where an undisturbed one ends (W1–W4, W6).

Told over conversations that have just begun, and over some with edits, second answers and branches (B1–B4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat, stored
from tests.support.more import more_of
from tests.support.processes import Stack
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

RESEARCH = "research the history of tides for 4 seconds"
LONG = "write a long text"

Shown = list[dict[str, Any]]
Story = tuple[Shown, Shown]
#: Says something in a conversation, and returns its id.
Begin = Callable[[Chat, str], str]
HISTORIES: dict[str, Begin] = {"new": Chat.begin, "with branches": Chat.begin_with_branches}


@pytest.fixture(params=more_of(*HISTORIES))
def begin(request: pytest.FixtureRequest) -> Begin:
    """What each story is told over: `make test` takes new conversations, `make test-long` both."""
    return HISTORIES[request.param]


@pytest.fixture(scope="package")
def stories() -> dict[tuple[Begin, str], Story]:
    """What was told undisturbed, once for all tests."""
    return {}


@pytest.fixture
def undisturbed(
    browser: Any, house: Stack, begin: Begin, stories: dict[tuple[Begin, str], Story]
) -> Callable[[str], Story]:
    """What a conversation in which this is said shows and stores at its end, when nothing happens to it."""

    def tell(text: str) -> Story:
        if (begin, text) not in stories:
            context = browser.new_context()
            chat = Chat(context.new_page(), house.address)
            chat.log_in("alice")
            conversation = begin(chat, text)
            chat.wait_until_done(60)
            stories[begin, text] = chat.shown(), stored(house, conversation)
            context.close()
        return stories[begin, text]

    return tell


#: Which paragraph of the newest answer is the first of which all is in sight.
IN_SIGHT = """() => {
  const top = document.querySelector('[data-testid="transcript"]').getBoundingClientRect().top;
  const found = [...[...document.querySelectorAll('[data-testid="step-text"]')].at(-1).querySelectorAll("p")];
  return found.findIndex((one) => one.getBoundingClientRect().top > top);
}"""

#: Whether a pointer in the middle of the text would meet it, thirty times in a second.
UNDER = """async () => {
  const box = document.querySelector('[data-testid="transcript"]').getBoundingClientRect();
  const found = [];
  for (let look = 0; look < 30; look += 1) {
    const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    found.push(at.closest('[data-testid="step"]') !== null);
    await new Promise((done) => setTimeout(done, 33));
  }
  return found;
}"""


def same_end(one: Shown, other: Shown) -> bool:
    """Whether both show the same, as far up as both do: rows far above what is in sight may not be in the document."""
    both = min(len(one), len(other))
    return both >= 1 and one[-both:] == other[-both:]


def assert_same_end(chat: Chat, house: Stack, conversation: str, story: Story) -> None:
    """This page shows, and the journal has, what the undisturbed conversation showed and had; its end is in sight."""
    chat.wait_until_done(60)
    shown, kept = story
    wait_until(
        lambda: same_end(chat.shown(), shown),
        5,
        lambda: f"the page to show {shown}, not {chat.shown()} at {chat.place()}",
    )
    wait_until(lambda: chat.place()["left"] <= 1, 5, lambda: f"the end to be in sight, not {chat.place()}")
    assert stored(house, conversation) == kept


def test_W1_reload_while_a_tool_runs(visit: Any, begin: Begin, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = begin(chat, RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    expect(chat.hook("call-progress")).to_be_visible()
    chat.page.reload()
    expect(chat.hook("call", status="running")).to_be_visible()
    expect(chat.hook("call-progress")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W4_reload_while_text_streams(visit: Any, begin: Begin, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = begin(chat, LONG)
    wait_until(lambda: len(chat.hook("step-text").last.inner_text()) > 200, 20, "some text")
    chat.page.reload()
    expect(chat.hook("step", status="streaming")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(LONG))


@pytest.mark.exhaustive
def test_W6_network_cut_for_two_seconds_in_an_answer(
    visit: Any, begin: Begin, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = begin(chat, LONG)
    wait_until(lambda: len(chat.hook("step-text").last.inner_text()) > 200, 20, "some text")
    link.cut()
    chat.page.wait_for_timeout(2000)
    link.restore()
    assert_same_end(chat, house, conversation, undisturbed(LONG))


@pytest.mark.exhaustive
def test_W9_the_end_stays_in_sight_when_the_banner_goes_and_the_answer_comes_at_once(
    visit: Any, begin: Begin, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = begin(chat, LONG)
    wait_until(
        lambda: len(chat.hook("step-text").last.inner_text()) > 2000, 20, "more text than fits the page"
    )
    link.cut()
    expect(chat.hook("banner")).to_be_visible()
    link.restore()
    assert_same_end(chat, house, conversation, undisturbed(LONG))
    expect(chat.hook("jump-to-latest")).to_have_count(0)


@pytest.mark.exhaustive
def test_who_scrolls_up_in_a_growing_answer_is_left_there(visit: Any, begin: Begin) -> None:
    chat = visit()
    begin(chat, LONG)
    wait_until(lambda: chat.place()["offset"] > 300, 20, "more text than fits the page")
    chat.hook("transcript").hover()
    chat.page.mouse.wheel(0, -150)
    expect(chat.hook("jump-to-latest")).to_be_visible()
    read = chat.place()
    wait_until(
        lambda: chat.place()["height"] > read["height"] + 200,
        20,
        lambda: f"{read} to grow, not {chat.place()}",
    )
    assert chat.place()["offset"] == read["offset"]
    chat.hook("jump-to-latest").click()
    wait_until(lambda: chat.place()["left"] <= 1, 5, lambda: f"the end to be in sight, not {chat.place()}")
    chat.wait_until_done(60)
    assert chat.place()["left"] <= 1
    expect(chat.hook("jump-to-latest")).to_have_count(0)


@pytest.mark.exhaustive
def test_what_is_there_can_be_clicked_while_the_answer_grows(visit: Any, begin: Begin) -> None:
    chat = visit()
    begin(chat, LONG)
    wait_until(lambda: chat.place()["offset"] > 300, 20, "more text than fits the page")
    assert set(chat.page.evaluate(UNDER)) == {True}, "each time there was text under the pointer"


@pytest.mark.exhaustive
def test_what_is_pressed_stays_under_the_pointer_while_the_answer_grows(visit: Any, begin: Begin) -> None:
    """Or a click that takes a moment goes to whatever has come there."""
    chat = visit()
    begin(chat, LONG)
    wait_until(lambda: chat.place()["offset"] > 300, 20, "more text than fits the page")
    paragraph = chat.hook("step-text").last.locator("p").nth(chat.page.evaluate(IN_SIGHT))
    box = paragraph.bounding_box()
    assert box is not None
    chat.page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    chat.page.mouse.down()
    pressed, height = paragraph.bounding_box(), chat.place()["height"]
    wait_until(
        lambda: chat.place()["height"] > height + 200,
        20,
        lambda: f"{height} to grow, not {chat.place()}",
    )
    assert paragraph.bounding_box() == pressed
    chat.page.mouse.up()
    wait_until(lambda: chat.place()["left"] <= 1, 5, lambda: f"the end to be in sight, not {chat.place()}")
    chat.wait_until_done(60)
    assert chat.place()["left"] <= 1


@pytest.mark.exhaustive
def test_who_scrolls_with_a_button_down_is_left_there(visit: Any, begin: Begin) -> None:
    """As by selecting text beyond the edge."""
    chat = visit()
    begin(chat, LONG)
    wait_until(lambda: chat.place()["offset"] > 300, 20, "more text than fits the page")
    chat.hook("step-text").last.hover()
    chat.page.mouse.down()
    chat.page.mouse.wheel(0, -150)
    expect(chat.hook("jump-to-latest")).to_be_visible()
    read = chat.place()
    wait_until(
        lambda: chat.place()["height"] > read["height"] + 200,
        20,
        lambda: f"{read} to grow, not {chat.place()}",
    )
    assert chat.place()["offset"] == read["offset"]
    chat.page.mouse.up()


@pytest.mark.exhaustive
def test_W3_a_link_that_stays_open_but_carries_nothing(
    visit: Any, begin: Begin, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = begin(chat, RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    link.stall()
    chat.page.wait_for_timeout(3000)
    link.restore()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


@pytest.mark.exhaustive
def test_W1_tab_frozen_in_the_background(visit: Any, begin: Begin, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = begin(chat, RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    session = chat.page.context.new_cdp_session(chat.page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    _, kept = undisturbed(RESEARCH)
    wait_until(lambda: len(stored(house, conversation)) == len(kept), 30, "the run to go on without the page")
    session.send("Page.setWebLifecycleState", {"state": "active"})
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W6_second_tab_shows_the_same(visit: Any, begin: Begin, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = begin(chat, RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    other = chat.second_tab()
    expect(other.hook("call", status="running")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))
    assert_same_end(other, house, conversation, undisturbed(RESEARCH))
    said = chat.hook("message").count()
    other.say("what time is it in Tokyo?")
    expect(chat.hook("message")).to_have_count(said + 1)
    chat.wait_until_done()
    other.wait_until_done()
    wait_until(lambda: chat.shown() == other.shown(), 5, "both tabs to show the same")


@pytest.mark.exhaustive
def test_W9_a_clean_close_from_the_server_is_no_goodbye(
    visit: Any, begin: Begin, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = begin(chat, RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    wait_until(link.close_cleanly, 10, "a moment between two frames")
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


@pytest.mark.exhaustive
def test_W5_a_message_written_offline_arrives_once(
    visit: Any, begin: Begin, house: Stack, link: Proxy
) -> None:
    chat = visit()
    conversation = begin(chat, "what is 9 * 9?")
    chat.wait_until_done()
    link.cut()
    chat.say("what is 12 * 12?")
    expect(chat.hook("message", status="sending")).to_be_visible()
    expect(chat.hook("banner")).to_be_visible(timeout=10_000)
    link.restore()
    expect(chat.hook("banner")).to_be_hidden(timeout=30_000)
    chat.wait_until_done()
    said = [item["text"] for item in stored(house, conversation) if item["kind"] == "message"]
    assert said[-2:] == ["what is 9 * 9?", "what is 12 * 12?"] and said.count("what is 12 * 12?") == 1
    assert "144" in chat.shown()[-1]["text"]
