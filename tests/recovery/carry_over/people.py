"""Feishu chats when the release changes, and what a group of the staff may."""

from __future__ import annotations

import asyncio

from tests.recovery.carry_over.states import State
from tests.recovery.doors import words

#: Messages of a chat whose run has not been answered there.
OWED = (
    "SELECT message_id, state, run FROM chat_feishumessage "
    "WHERE chat_id = ? AND answered_at IS NULL AND run != ''"
)


class FeishuAnswered(State):
    """A chat whose last message was answered; the next comes while nobody works."""

    name = "Feishu: answered"
    chat = "oc_answered"

    async def begin(self) -> None:
        await self.says("say 3")
        assert await self.answers(1) == [words(3)]
        self.conversation = self.house.bot.conversation(self.chat)

    async def says(self, text: str) -> None:
        await asyncio.to_thread(self.house.bot.say, text, self.chat, times=2)

    async def told(self, count: int) -> list[str]:
        """All answers, once there are so many."""
        feishu, chat = self.house.feishu, self.chat
        await self.house.until(lambda: len(feishu.answers(chat)) >= count, f"answer {count} in {chat}")
        return feishu.answers(chat)

    async def is_told(self, text: str) -> None:
        """Wait for an answer that begins so."""
        answers, chat = self.house.feishu.answers, self.chat
        await self.house.until(lambda: any(one.startswith(text) for one in answers(chat)), text)

    async def answers(self, count: int) -> list[str]:
        """All, once no card of the chat is streaming any more."""
        feishu, chat = self.house.feishu, self.chat
        await self.told(count)
        await self.house.until(lambda: not any(c.streaming for c in feishu.cards_of(chat)), "settled cards")
        await self.house.until(
            lambda: not self.house.stack.sql(OWED, chat), "answers that are marked as given"
        )
        return feishu.answers(chat)

    async def meanwhile(self) -> None:
        await self.says("say 4")

    async def goes_on(self) -> None:
        assert (had := await self.answers(2)) == [words(3), words(4)], had
        await self.says("say 5")
        assert (had := await self.answers(3))[2:] == [words(5)], had
        assert self.house.bot.conversation(self.chat) == self.conversation, "another conversation answers"

    async def back(self) -> str:
        await self.says("say 6")
        if not self.house.stack.env.get("HOLDFAST_COMPATIBILITY_VERSION"):
            assert (had := await self.answers(4))[3:] == [words(6)], had
            assert self.house.bot.conversation(self.chat) == self.conversation, "another conversation answers"
            return ""
        # 0.1.0 has no word for somebody who is no user (`Origin.actor`), and leaving it out would give them the owner's
        # rights: what has such messages ends there, says so, and the chat goes on with another conversation. A card
        # that 0.1.0 has opened for what it cannot read may stay as it is.
        assert "went wrong" in (had := await self.told(4))[3], had
        await self.says("/new")
        await self.is_told("A new conversation begins here")
        await self.says("say 7")
        await self.is_told(words(7))
        return "goes on after /new, because strangers have spoken in it"


class FeishuAtWork(FeishuAnswered):
    """The card of a run that is at work."""

    name = "Feishu: a run is at work"
    chat = "oc_work"

    async def begin(self) -> None:
        await self.says("[look 0 20000] say 3")
        found = self.house.bot.conversation
        self.conversation = await self.house.until(lambda: found(self.chat), "the chat's conversation")
        await self.house.calls(self.conversation, 1)
        await self.house.until(lambda: self.house.feishu.cards_of(self.chat), "the run's card")

    def stands(self) -> bool:
        return self.newest("running")

    async def meanwhile(self) -> None:
        pass

    async def goes_on(self) -> None:
        assert await self.answers(1) == [words(3)]
        assert len(self.house.feishu.cards_of(self.chat)) == 1, "the run has got another card"
        await self.says("say 4")
        assert await self.answers(2) == [words(3), words(4)]
        assert self.house.bot.conversation(self.chat) == self.conversation


class FeishuAsked(FeishuAnswered):
    """A card of the release before asks for a yes."""

    name = "Feishu: waits for approval"
    chat = "oc_asked"

    async def begin(self) -> None:
        await self.says("[post 0 50] say 3")
        await self.house.until(lambda: self._button(), "a card that asks")
        self.conversation = self.house.bot.conversation(self.chat)

    def stands(self) -> bool:
        return self.newest("waiting")

    def _button(self) -> bool:
        try:
            return bool(self.house.feishu.button(self.chat, "Allow"))
        except AssertionError:
            return False

    async def meanwhile(self) -> None:
        pass

    async def goes_on(self) -> None:
        posted = await asyncio.to_thread(self.house.bot.press, "Allow", self.chat)
        assert posted.status == 200, posted
        assert (await self.answers(1))[-1] == words(3)
        assert len(self.house.effects(self.conversation)) == 1


class Permissions(State):
    """Dave sees what his group may see, and nothing else, with the login of before."""

    name = "a group's permissions"
    #: Where the pages were in 0.1.0, and where they are.
    BEFORE = ("chat/conversation", "chat/trigger", "chat/feishulane", "chat/schedule")
    MAY = ("chat/conversation", "triggers/trigger", "feishu/feishulane", "schedules/schedule")
    MAY_NOT = ("chat/run", "feishu/feishudelivery", "triggers/triggerfiring", "auth/user")

    async def begin(self) -> None:
        for before, now in zip(self.BEFORE, self.MAY, strict=True):
            assert 200 in (await self.status(before), await self.status(now)), before

    async def status(self, page: str) -> int:
        return (await self.house.http("GET", f"/admin/{page}/", person="dave")).status_code

    async def goes_on(self) -> None:
        shown = {page: await self.status(page) for page in (*self.MAY, *self.MAY_NOT)}
        assert shown == dict.fromkeys(self.MAY, 200) | dict.fromkeys(self.MAY_NOT, 403), shown
