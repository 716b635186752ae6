"""New ids for a conversation that is taken in, so that nothing in it names anything that is here already. Pure.

An id follows from the new conversation's and the old one, so that all events agree without a table, and so that no id
of a file can be chosen by whoever wrote it. Ids of calls are made as everywhere (`call_id`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from agents import events as e

#: Who has said something, where that was neither the owner nor somebody that this installation knows.
GUEST = "guest:imported"
#: The longest name of an entrance that a column holds.
MAX_ENTRANCE = 20
#: The longest title of a conversation.
MAX_TITLE = 200


class BadId(ValueError):
    """Something has an id that no id of its kind looks like."""


@dataclass
class Identities:
    """Old ids as new ones. `files`: the ids of attached files that are here now; `agent`: who answers from now on;
    `agents`: slugs of agents that are here. `here`: it was told by this installation, whose people it names."""

    conversation: str
    agent: str
    agents: frozenset[str] = frozenset()
    files: Mapping[str, e.AttachmentRef] = field(default_factory=dict)
    here: bool = False
    _calls: dict[str, str] = field(default_factory=dict)

    def rewritten(self, raw: dict[str, Any]) -> dict[str, Any]:
        """An event with new ids. Raises BadId."""
        found = dict(raw)
        for name, value in raw.items():
            match name:
                case "run" | "cause" | "branch" | "parent":
                    found[name] = self._id(value)
                case "step":
                    found[name] = self._step(value)
                case "message":
                    found[name] = self._step(value) if _is_step(value) else self._id(value)
                case "calls":
                    found[name] = [self._proposed(raw, one) for one in value]
                case "call":
                    found[name] = self._call(value)
                case "attachments":
                    found[name] = [self._file(one) for one in value]
                case "files":
                    found[name] = [self._file_id(one) for one in value]
                case "origin" if not self.here:
                    found[name] = _origin(value)
                case "copied_from" if value is not None and not self.here:
                    found[name] = _elsewhere(value)
                case "agent":
                    found[name] = self._agent(value)
                case "request" if value is not None:
                    found[name] = self._request(value)
        return found

    def _id(self, old: Any) -> str:
        if not isinstance(old, str) or len(old) > 200:
            raise BadId("id")
        return str(uuid5(UUID(self.conversation), old)) if old else ""

    def _step(self, old: Any) -> str:
        if not _is_step(old):
            raise BadId("step")
        run, _, index = old.rpartition(".")
        return f"{self._id(run)}.{int(index)}"

    def _proposed(self, raw: dict[str, Any], call: Any) -> dict[str, Any]:
        new = e.call_id(self.conversation, self._step(raw.get("step")), int(call["ordinal"]))
        self._calls[str(call["call"])] = new
        return {**call, "call": new}

    def _call(self, old: Any) -> str:
        # One that no step has proposed is nobody's: events of it change nothing.
        return self._calls.get(str(old)) or e.call_id(self.conversation, self._id(str(old)), 0)

    def _file(self, told: dict[str, Any]) -> dict[str, Any]:
        kept = self.files.get(str(told.get("id")))
        return {**told, "id": self._id(told["id"])} if kept is None else {**told, **kept.model_dump()}

    def _file_id(self, old: Any) -> str:
        kept = self.files.get(str(old))
        return self._id(old) if kept is None else kept.id

    def _agent(self, slug: Any) -> str:
        """Of a conversation or a branch: an agent that is here. Empty stays so: the conversation's."""
        return slug if not slug or slug in self.agents else self.agent

    def _request(self, facts: dict[str, Any]) -> dict[str, Any]:
        omitted = [
            {
                **one,
                "item": self._step(one["item"]) if _is_step(one["item"]) else self._id(one["item"]),
                "files": [self._file_id(id) for id in one.get("files", ())],
            }
            for one in facts.get("omitted", ())
        ]
        return {**facts, "omitted": omitted}


def _is_step(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 80:
        return False
    run, _, index = value.rpartition(".")
    return bool(run) and index.isascii() and index.isdecimal() and len(index) <= 9


def _elsewhere(told: dict[str, Any]) -> dict[str, Any]:
    """Where a conversation was copied from, on another installation: its title alone."""
    return {"conversation": "", "title": str(told.get("title", ""))[:MAX_TITLE], "item": ""}


def _origin(told: dict[str, Any]) -> dict[str, Any]:
    """Where something came in. Whoever spoke there is nobody here, whatever number they had: the owner, or a guest."""
    origin = {**told, "entrance": str(told.get("entrance", "web"))[:MAX_ENTRANCE]}
    if origin.pop("actor", ""):
        origin["actor"] = GUEST
    return origin
