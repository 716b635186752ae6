"""A person with something in every store, and another one beside them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.utils import timezone

from agents import events as e
from agents.models import ensure_default_agent
from agents.tools.notes.models import Note
from chat.commands import CreateBody, SendBody
from chat.entrances.feishu import models as f
from chat.entrances.openai_api.models import Exchange
from chat.entrances.schedules import models as s
from chat.entrances.triggers import bodies
from chat.entrances.triggers import models as t
from chat.inbox import Inbox, Sender
from chat.models import Attachment, Conversation, Fault, QueueFailure, Run
from chat.runtime import opened
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.tokens import store as tokens
from chat.tokens.scopes import SCOPES


def with_sessions(act: Any) -> Any:
    """What `act(sessions)` returns, on the real stores."""

    async def work() -> Any:
        async with opened() as runtime:
            return await act(runtime.sessions)

    return async_to_sync(work)()


@dataclass
class Planted:
    """A person whose every text says a marker: `said` what is in the conversation, `kept` what is theirs besides."""

    user: Any
    said: str
    kept: str
    conversation: str = field(default_factory=lambda: str(uuid.uuid4()))
    run: str = ""

    def talk(self, *, end: bool = True) -> None:
        """A conversation with a message, a call with arguments and result, an answer, a title; live in Redis."""
        sender = Sender(self.user.pk, name=self.user.get_username())

        async def queued(conversation: str, run: str) -> bool:
            return True

        async def act(sessions: Sessions) -> None:
            inbox = Inbox(sessions, queued)
            for body in (
                CreateBody(kind="create", title=f"title {self.said}"),
                SendBody(kind="send", message=str(uuid.uuid4()), text=f"message {self.said}"),
            ):
                done = await inbox.submit(sender, self.conversation, str(uuid.uuid4()), body)
                assert done.status == "applied", done

        with_sessions(act)
        self.run = Run.objects.get(conversation=self.conversation).run
        step, at = f"{self.run}.1", now_ms()
        call = e.call_id(self.conversation, step, 0)
        proposed = e.ProposedCall(call=call, ordinal=0, name="pay", arguments=json.dumps({"to": self.said}))
        told: list[e.Event] = [
            e.RunStarted(at=at, run=self.run, attempt=1, fence=1, worker="w1"),
            e.StepStarted(at=at, run=self.run, step=step),
            e.StepFinished(at=at, run=self.run, step=step, text=f"answer {self.said}", calls=(proposed,)),
            e.CallStarted(at=at, step=step, call=call, attempt=1, fence=1, worker="w1"),
            e.CallSettled(
                at=at,
                step=step,
                call=call,
                attempt=1,
                status="succeeded",
                result=f"result {self.said}",
                preview=f"preview {self.said}",
                size=9,
            ),
        ]
        if end:
            told.append(e.RunFinished(at=at, run=self.run))
        with_sessions(lambda sessions: sessions.append(self.conversation, lambda view: list(told)))

    def leave_traces(self) -> None:
        """Everything else that names the conversation."""
        now, row = now_ms(), Conversation.objects.get(pk=self.conversation)
        Fault.objects.create(
            conversation=row, run=self.run, step="x", kind="E1", text=self.said, model="m", profile="p",
            address="a", digest=uuid.uuid4().hex, request=json.dumps({"text": self.said}), created_at=now,
        )  # fmt: skip
        file = Attachment(
            id=uuid.uuid4(), owner=self.user, conversation=row, name=f"{self.said}.txt", media_type="text/plain",
            size=9, sha256="0" * 64, created_at=now,
        )  # fmt: skip
        file.file.save(str(file.id), ContentFile(self.said.encode()), save=True)
        schedule = s.Schedule.objects.create(
            owner=self.user, name=f"schedule {self.kept}", prompt=self.kept, created_at=now, updated_at=now
        )
        firing = s.ScheduleFiring.objects.create(
            schedule=schedule, due=now, state="over", conversation=row.pk, detail=self.said, created_at=now
        )
        s.ScheduleDelivery.objects.create(
            firing=firing,
            kind="mail",
            address="a",
            subject=self.said,
            text=self.said,
            state="sent",
            created_at=now,
        )
        trigger = t.Trigger.objects.create(
            owner=self.user, name=f"trigger {self.kept}", kind="message", prompt=self.kept, created_at=now,
            updated_at=now,
        )  # fmt: skip
        common = {"trigger": trigger, "state": "fired", "created_at": now}
        t.TriggerFiring.objects.create(
            **common, key="delivery:1", conversation=row.pk, seen={"body": self.said}, prompt=self.said,
            title=self.said, body=bodies.keep(self.said.encode(), "text/plain"),
        )  # fmt: skip
        # Another conversation was spoken in because of what was said in this one.
        t.TriggerFiring.objects.create(
            **common,
            key=f"message:{row.pk}:3",
            conversation=uuid.uuid4(),
            seen={"text": self.said},
            prompt=self.said,
        )
        self._feishu(row, now)
        Exchange.objects.create(
            id=uuid.uuid4(), owner=self.user, agent="assistant", digest="d", conversation=row.pk,
            message=uuid.uuid4(), begins=True, before="b", created_at=now,
        )  # fmt: skip
        LogEntry.objects.create(
            user=_somebody(), content_type=ContentType.objects.get_for_model(Conversation), object_id=str(row.pk),
            object_repr=str(row), action_flag=CHANGE, change_message="Read: transcript.",
        )  # fmt: skip

    def _feishu(self, row: Conversation, now: int) -> None:
        app, _ = f.FeishuApp.objects.get_or_create(
            slug="app", defaults={"app_id": "cli_a", "name": "A", "owner": _somebody()}
        )
        open_id = f"ou_{self.kept}"
        f.FeishuUser.objects.create(app=app, open_id=open_id, name=self.kept, user=self.user)
        chat = f"oc_{uuid.uuid4().hex}"
        lane = f.FeishuLane.objects.create(app=app, chat_id=chat, conversation=row.pk, owner=self.user)
        f.FeishuTurn.objects.create(lane=lane, run=self.run, ended=True)
        f.FeishuDelivery.objects.create(
            lane=lane, uuid=uuid.uuid4().hex, run=self.run, content=self.said, state="sent", created_at=now
        )
        for run, state in ((self.run, "taken"), ("", "ignored")):
            f.FeishuMessage.objects.create(
                app=app, message_id=uuid.uuid4().hex, chat_id=chat, sender=open_id, event={"text": self.said},
                sent_at=now, received_at=now, state=state, run=run,
            )  # fmt: skip

    def keep(self) -> None:
        """What is theirs whatever conversation it came from."""
        Note.objects.create(owner=self.user, number=1, text=self.kept, key=uuid.uuid4().hex)
        Note.objects.create(
            owner=_somebody(), person=f"user:{self.user.pk}", number=1, text=self.kept, key=uuid.uuid4().hex
        )
        tokens.make(self.user.pk, f"token {self.kept}", list(SCOPES)[:1], 30, 60, now_ms())
        unsent = Attachment(
            id=uuid.uuid4(), owner=self.user, name=f"{self.kept}.txt", media_type="text/plain", size=9,
            sha256="0" * 64, created_at=now_ms(),
        )  # fmt: skip
        unsent.file.save(str(unsent.id), ContentFile(self.kept.encode()), save=True)
        LogEntry.objects.create(
            user=_somebody(), content_type=ContentType.objects.get_for_model(get_user_model()),
            object_id=str(self.user.pk), object_repr=str(self.user), action_flag=CHANGE, change_message="x",
        )  # fmt: skip
        engine: Any = import_module(django_settings.SESSION_ENGINE)
        login = engine.SessionStore()
        login["_auth_user_id"] = str(self.user.pk)
        login.set_expiry(timezone.now() + timedelta(days=1))
        login.save()


def _somebody() -> Any:
    """Whoever is in charge: the log's author, the bot's account."""
    return get_user_model().objects.get_or_create(username="operator", defaults={"is_staff": True})[0]


def planted(name: str) -> Planted:
    """Somebody of this name, whose texts say `<name>said` and `<name>kept`."""
    user = get_user_model().objects.create_user(f"{name}kept", password="x")
    made = Planted(user, f"{name}said", f"{name}kept")
    made.talk()
    made.leave_traces()
    made.keep()
    return made


@pytest.fixture
def people(transactional_db: None, redis_url: str, settings: Any, tmp_path: Any) -> tuple[Planted, Planted]:
    """Two people, each with everything; nothing of the one names the other."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.MEDIA_ROOT = tmp_path / "media"
    ensure_default_agent()
    QueueFailure.objects.all().delete()
    return planted("quokka"), planted("wombat")
