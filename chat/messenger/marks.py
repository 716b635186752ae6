"""What a chat is told when its model is no longer sent something that the provider refuses, and when it is again.

The web chat has a mark at the item itself; a messenger's chat gets a message, a reply to the one in question if that
came from there. Read from the journal, for answers.py, in a database thread.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from agents import events as e
from chat.messenger import texts
from chat.messenger.adapter import Markup
from chat.models import Conversation, Event, Message, Step

#: The types of the events that are told here.
TYPES = ("message.left_out", "message.taken_back")
#: Items that are named in one message, and characters of each; characters of the provider's own words.
MAX_NAMED = 5
MAX_QUOTED = 60
MAX_DETAIL = 200

Mark = e.MessageLeftOut | e.MessageTakenBack


def between(row: Conversation, after: int, upto: int) -> list[list[tuple[int, Mark]]]:
    """The marks of these events (seq, event), in groups that one answer or one person has brought about."""
    rows = Event.objects.filter(conversation=row, type__in=TYPES, seq__gt=after, seq__lte=upto)
    found: list[list[tuple[int, Mark]]] = []
    for seq, text in rows.order_by("seq").values_list("seq", "text"):
        event = e.from_json(text)
        if not isinstance(event, Mark):
            continue  # of a later release, told in a way that this one does not know
        if found and found[-1][-1][0] == seq - 1 and type(found[-1][-1][1]) is type(event):
            found[-1].append((seq, event))
        else:
            found.append([(seq, event)])
    return found


def told(row: Conversation, marks: Sequence[Mark], markup: Markup) -> str:
    """What the chat is told of one group, as markdown in the language that is active."""
    named = [f"- {_named(row, mark, markup)}" for mark in marks[:MAX_NAMED]]
    if len(marks) > MAX_NAMED:
        named.append("- " + str(texts.AND_MORE).format(count=len(marks) - MAX_NAMED))
    listed, last = "\n".join(named), marks[-1]
    if isinstance(last, e.MessageTakenBack):
        return f"**{texts.TAKEN_BACK}**\n{listed}"
    why = str(texts.LEFT_OUT_BECAUSE.get(last.reason, texts.LEFT_OUT_BECAUSE["refused"]))
    if last.detail:
        why = f"{why} ({markup.escape(_short(last.detail, MAX_DETAIL))})"
    return f"**{texts.LEFT_OUT}**\n{listed}\n\n{why}\n\n*{texts.TAKE_BACK}*"


def _named(row: Conversation, mark: Mark, markup: Markup) -> str:
    """The item as people know it: the pictures' names, the tools that gave results, or its first words."""
    step = Step.objects.filter(conversation=row, step=mark.message).first()
    if step is not None:
        tools = _listed(markup.escape(call["name"]) for call in step.body["calls"])
        return str(texts.RESULTS_OF).format(names=tools)
    said = Message.objects.filter(conversation=row, message=mark.message).first()
    body: Any = said.body if said is not None else {}
    files = [file for file in body.get("attachments") or () if _is_of(mark, file["id"])]
    names = _listed(markup.escape(file["name"]) for file in files)
    words = _short(body.get("text", ""), MAX_QUOTED)
    if names and (not words or (isinstance(mark, e.MessageLeftOut) and mark.files)):
        return names
    return f"“{markup.escape(words)}”" if words else str(texts.A_MESSAGE)


def _is_of(mark: Mark, file: str) -> bool:
    return not (isinstance(mark, e.MessageLeftOut) and mark.files) or file in mark.files


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
