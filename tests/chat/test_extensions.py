"""The registry of entrances: whatever the order, and loud about what cannot be."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

import pytest

from chat import extensions
from chat.automation import destinations
from chat.commands import CreateBody
from chat.extensions import Entrance, EntranceError, EntranceRegistry, UnknownEntrance
from chat.inbox import Inbox, Sender
from chat.journal.journal import Journal
from chat.session.sessions import Sessions
from tests.support.worlds import MemoryWorld

PAGER = Entrance(name="pager", label="a pager", attended=False)
PHONE = Entrance(name="phone", label="the phone")


class Loading:
    """A registry while the apps are loaded: `load` registers, `finish` says that all are."""

    def __init__(self, disabled: Collection[str] = ()) -> None:
        self.done = False
        self.registry = EntranceRegistry(lambda: self.done, lambda: disabled)

    def load(self, *given: Entrance) -> list[bool]:
        return [self.registry.register(one, f"the app of {one.name}") for one in given]

    def finish(self) -> EntranceRegistry:
        self.done = True
        return self.registry


def test_the_order_of_loading_makes_no_difference():
    one, other = Loading(), Loading()
    assert one.load(PAGER, PHONE) == other.load(PHONE, PAGER) == [True, True]
    assert one.finish().enabled() == other.finish().enabled() == (PAGER, PHONE)
    assert one.registry.get("pager") is PAGER


def test_a_name_that_is_taken_tells_both_and_what_to_do():
    loading = Loading()
    loading.load(PAGER)
    with pytest.raises(EntranceError, match=r"'pager': one of the app of pager, one of another.*Rename"):
        loading.registry.register(Entrance(name="pager", label="another"), "another")


@pytest.mark.parametrize("name", ["", "Pager", "my pager", "pager-2", "2pager", "x" * 21, "传呼"])
def test_a_name_that_the_journal_cannot_have_is_refused(name: str):
    with pytest.raises(EntranceError, match="Use"):
        Loading().load(Entrance(name=name, label="a pager"))


def test_whoever_comes_when_all_apps_are_loaded_is_too_late():
    loading = Loading()
    loading.load(PHONE)
    loading.finish()
    with pytest.raises(EntranceError, match=r"too late.*ready\(\)"):
        loading.load(PAGER)


def test_whoever_asks_before_all_apps_are_loaded_is_told_so():
    loading = Loading()
    loading.load(PHONE)
    with pytest.raises(EntranceError, match="before all apps are loaded"):
        loading.registry.known()
    assert loading.load(PAGER) == [True]  # and nothing was closed by that


def test_an_unknown_name_is_told_which_there_are():
    loading = Loading()
    loading.load(PAGER, PHONE)
    with pytest.raises(UnknownEntrance, match="no entrance 'fax'; there are: pager, phone"):
        loading.finish().get("fax")
    assert loading.registry.find("fax") is None


def test_one_that_is_switched_off_brings_nothing_and_keeps_its_name_for_people():
    loading = Loading(disabled=["pager"])
    assert loading.load(PAGER, PHONE) == [False, True]
    registry = loading.finish()
    assert registry.enabled() == (PHONE,) and registry.known() == (PAGER, PHONE)
    assert registry.find("pager") is PAGER
    with pytest.raises(UnknownEntrance, match="switched off.*HOLDFAST_DISABLED_ENTRANCES"):
        registry.get("pager")


def test_a_name_to_switch_off_that_nobody_has_is_told():
    loading = Loading(disabled=["pagr"])
    loading.load(PAGER)
    with pytest.raises(EntranceError, match="names pagr, which is no entrance here. There are: pager"):
        loading.finish().enabled()


# ---- those of this installation ----


def test_the_entrances_are_there_and_who_owns_the_root_comes_last():
    assert {one.name for one in extensions.entrances()} >= {
        "web",
        "feishu",
        "schedule",
        "trigger",
        "api",
        "openai",
    }
    assert extensions.urls()[-1] == "chat.entrances.web.urls" and len(extensions.urls()) == 6
    assert {service.name for service in extensions.services()} == {"feishu", "schedules", "triggers"}
    assert [str(route.pattern) for route in extensions.sockets()] == ["ws"]
    assert {one.kind for one in destinations.kinds()} == {"email", "feishu"}


def test_nobody_watches_what_schedules_and_triggers_begin():
    assert extensions.unattended() == {"schedule", "trigger"}


def test_people_are_told_where_something_came_from():
    assert extensions.label("schedule") == "a schedule"
    assert extensions.label("gone_since") == "gone_since"


def test_a_destination_that_is_taken_is_told():
    class Post:
        kind, label, example = "email", "post", "a street"

        def offers(self, user: Any) -> list[destinations.Offer]:
            return []

        def problem(self, user: Any, address: str) -> str:
            return ""

        def deliver(self, parcel: destinations.Parcel) -> None:
            pass

    with pytest.raises(ValueError, match="'email': one of chat, one of post.office"):
        destinations.register(Post(), "post.office")


async def test_a_command_through_a_door_that_nobody_has_registered_is_a_mistake(
    sqlite_journal: Journal, alice: Any
):
    async def enqueue(conversation: str, run: str) -> bool:
        return True

    inbox = Inbox(Sessions(MemoryWorld.make(600_000).store, sqlite_journal), enqueue)
    sender = Sender(alice.pk, entrance="fax")
    with pytest.raises(UnknownEntrance, match="no entrance 'fax'"):
        await inbox.submit(sender, str(uuid.uuid4()), str(uuid.uuid4()), CreateBody(kind="create"))
