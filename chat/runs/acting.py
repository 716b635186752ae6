"""Who acts in a run: the people whose words a step answers, each with the authority that they have now.

A conversation may have several people, and its owner may be none of them (a group belongs to the bot's account). So a
step acts for whoever has spoken in its run so far, as `message.added` says (`Origin.actor`), and what it
may do is asked of chat/authorization.py each time. Have several spoken, each of them must be allowed it, and nobody's
memory is theirs.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections

from agents.acting import Acting, Reach
from chat import extensions
from chat.authorization import ChatPerson, ChatPlace, Reason, Standing, in_chat, logged_in
from chat.journal import on_path
from chat.journal.statements import key_of
from chat.models import Message, Run, Step

#: A speaker as the journal has them: (entrance, actor).
Speaker = tuple[str, str]
#: How actors are written in `Origin.actor`.
USER, GUEST = "user:", "guest:"

#: States of a step that has answered what was said before it.
ANSWERED = ("finished", "stopped")
#: Messages of a run that are looked at: many more than may wait behind one.
MAX_MESSAGES = 200

#: Why a tool that changes something may not run, for the model.
WHY: Mapping[Reason, str] = {
    "trust": "whoever asked is not known here, and the administrator lets only people who are known have the agent "
    "change something.",
    "disabled": "the user for whom it would be done is disabled.",
}


def acting_in(conversation: str, before: int | None, using: str = "default") -> Acting:
    """Who acts in the calls of the step that was started at seq `before`; None: of the one to come. In a database
    thread."""
    id = UUID(conversation)
    found = _said(id, before, using)
    if not found:
        return Acting(changes=False, reach="nowhere")
    owner, entrance, owner_active, _, branches = found[0]
    speakers = {_speaker(json.loads(body)) for *_, body, _ in found if body is not None}
    if branches is not None:
        speakers = _on_branch(id, before, using, json.loads(branches))
    place = extensions.place_of(entrance, id)
    others = {user for _, actor in speakers if (user := _user(actor)) is not None} - {owner}
    active = (_active(others, using) if others else frozenset()) | ({owner} if owner_active else set())
    stand = {one: _standing(one, owner, entrance, place, active) for one in sorted(speakers)}
    return _together((_key(one, owner, standing), standing) for one, standing in stand.items())


def _on_branch(conversation: UUID, before: int | None, using: str, branches: Any) -> set[Speaker]:
    """The same where there are branches: nobody has spoken in the run whose words are not on its path."""
    steps = Step.objects.using(using).filter(conversation_id=conversation)
    said = Message.objects.using(using).filter(conversation_id=conversation, kind="message")
    runs = Run.objects.using(using).filter(conversation_id=conversation).order_by("-seq")
    run = steps.filter(seq=before).values_list("run", flat=True).first() if before is not None else None
    of = runs.filter(run=run) if run is not None else runs
    run, branch = of.values_list("run", "branch").first() or ("", "")
    path = on_path.path_of(branches, branch)
    steps, said = on_path.on(steps, path), on_path.on(said, path)
    if before is not None:
        steps, said = steps.filter(seq__lt=before), said.filter(seq__lt=before)
    answers = steps.filter(status__in=ANSWERED).exclude(run=run).order_by("-seq")
    since = answers.values_list("seq", flat=True).first() or 0
    newest = said.filter(seq__gt=since).order_by("-seq").values_list("body", flat=True)
    return {_speaker(body) for body in newest[:MAX_MESSAGES]}


_SAID = """SELECT c."owner_id", c."entrance", u."is_active", m."body", c."branches" FROM "chat_conversation" c
 JOIN "{users}" u ON u."{user}" = c."owner_id"
 LEFT JOIN "chat_message" m ON m."conversation_id" = c."id" AND m."kind" = 'message' AND m."seq" < %s
 AND m."seq" > COALESCE((SELECT s."seq" FROM "chat_step" s WHERE s."conversation_id" = %s AND s."seq" < %s
 AND s."status" IN ({answered}) AND s."run" <> COALESCE(
 (SELECT t."run" FROM "chat_step" t WHERE t."conversation_id" = %s AND t."seq" = %s),
 (SELECT r."run" FROM "chat_run" r WHERE r."conversation_id" = %s ORDER BY r."seq" DESC LIMIT 1), '')
 ORDER BY s."seq" DESC LIMIT 1), 0)
 WHERE c."id" = %s ORDER BY m."seq" DESC LIMIT %s"""
#: Beyond every seq.
_END = 2**62


def _said(
    conversation: UUID, before: int | None, using: str
) -> list[tuple[int, str, bool, str | None, str | None]]:
    """(owner, entrance, whether the owner is active, a message, the branches) for each message of the run up to the
    step: since the last answer of another run, so that words which waited while that one was stopped count, too. None
    for a message: there is none; for the branches: there are none."""
    connection = connections[using]
    key = key_of(connection, conversation)
    users = get_user_model()._meta
    sql = _SAID.format(
        users=users.db_table,
        user=users.pk.column if users.pk is not None else "id",
        answered=", ".join(f"'{status}'" for status in ANSWERED),
    )
    end = _END if before is None else before
    with connection.cursor() as cursor:
        cursor.execute(sql, (end, key, end, key, -1 if before is None else before, key, key, MAX_MESSAGES))
        return list(cursor.fetchall())


def _speaker(body: Any) -> Speaker:
    origin = body.get("origin") or {}
    return str(origin.get("entrance", "web")), str(origin.get("actor", ""))


def _user(actor: str) -> int | None:
    id = actor.removeprefix(USER)
    return int(id) if actor.startswith(USER) and id.isascii() and id.isdigit() else None


def _active(users: set[int], using: str) -> frozenset[int]:
    rows = get_user_model()._default_manager.using(using).filter(pk__in=users, is_active=True)
    return frozenset(rows.values_list("pk", flat=True))


def _standing(
    who: Speaker, owner: int, began: str, place: ChatPlace | None, active: frozenset[int]
) -> Standing:
    entrance, actor = who
    user = _user(actor)
    if actor and user is None:
        # Somebody who is no user: never more than a stranger, wherever that is.
        return _chat(ChatPerson(), place or ChatPlace("private", shared=True), owner)
    attended = entrance not in extensions.unattended()
    if place is None or entrance != began or not attended:
        asks = owner if user is None else user
        return logged_in(
            asks,
            owner,
            active=asks in active,
            owner_active=owner in active,
            attended=attended,
            door=extensions.door(entrance),
        )
    if user is None:
        # Written by a release that did not say who spoke: in a chat of the bot's account that may be anybody.
        if place.shared:
            return _chat(ChatPerson(), place, owner)
        return logged_in(owner, owner, active=owner in active)
    return _chat(ChatPerson(user, user in active), place, owner, owner_active=owner in active)


def _chat(person: ChatPerson, place: ChatPlace, owner: int, *, owner_active: bool = True) -> Standing:
    # They were let in when they wrote.
    return in_chat(person, place, owner, "everyone", owner_active=owner_active)


def _key(who: Speaker, owner: int, standing: Standing) -> str:
    """By which text tools keep things for a speaker (`ToolContext.owner`); empty: it cannot be told who that is."""
    actor = who[1]
    user = _user(actor)
    if user is not None:
        return str(user)
    if actor:
        return f"{owner}/{actor}"
    return str(owner) if standing.role in ("owner", "automation") else ""


def _together(known: Iterable[tuple[str, Standing]]) -> Acting:
    """What all of them may have together."""
    keys, standings = zip(*known, strict=True) if (known := list(known)) else ((), ())
    verdicts = [one.may("change") for one in standings]
    refused: Reason | None = next(
        (one.reason for one in verdicts if not one), None if verdicts else "not_here"
    )
    alone = len(set(keys)) == 1 and all(keys) and all(one.may("remember") for one in standings)
    reach: Reach = "nowhere"
    if all(one.may("listen") for one in standings) and standings:
        reach = "anywhere"
    elif all(one.may("set_up") for one in standings) and standings:
        reach = "here"
    why = "" if refused is None else WHY.get(refused, "whoever asked may not have it.")
    return Acting(keys[0] if alone else "", refused is None, reach, why)
