"""The design that this project replaces, as far as it matters for one defect: how it rebuilt a conversation.

Faithful to what was found in it (docs/providers.md tells the story): two copies of the truth, the socket's memory and
the database; a tool call stored only when it is done and the socket is still there, without the provider's id;
one row expanded to a call and a result with an id made from the row's; history cut by counting messages. It is
here so that a test can show that the stories told to the new design break this one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass
class OldDesign:
    """One chat session with its agent. `window` counts messages."""

    window: int
    #: Rows of the database: role, content, and for tool rows name, arguments and result.
    rows: list[Message] = field(default_factory=list)
    #: What the open socket remembers.
    memory: list[Message] = field(default_factory=list)
    connected: bool = True

    def connect(self) -> None:
        """A socket opens: its memory is read from the database, each tool row becoming two messages."""
        self.connected = True
        self.memory = []
        for row in self.rows:
            if row["role"] != "tool_call":
                self.memory.append({"role": row["role"], "content": row["content"]})
                continue
            id = f"call_{row['id']}"
            call = {
                "id": id,
                "type": "function",
                "function": {"name": row["name"], "arguments": row["arguments"]},
            }
            self.memory.append({"role": "assistant", "content": None, "tool_calls": [call]})
            self.memory.append({"role": "tool", "tool_call_id": id, "content": row["result"][:500]})

    def user(self, text: str) -> None:
        """A message comes in: to both copies."""
        self._row("user", content=text)
        self.memory.append({"role": "user", "content": text})

    def request(self) -> Message:
        """The first request of a turn."""
        system = {"role": "system", "content": "You help."}
        return {"model": "m", "messages": [system, *self.memory[-self.window :]]}

    def tool(self, name: str, arguments: str, result: str) -> None:
        """A call is done: a row, but only if the socket is still there; nothing in the memory."""
        if self.connected:
            self._row("tool_call", name=name, arguments=arguments, result=result)

    def answer(self, text: str) -> None:
        """The final text: to both copies."""
        if self.connected:
            self._row("assistant", content=text)
            self.memory.append({"role": "assistant", "content": text})

    def disconnect(self) -> None:
        """The socket goes: the run is cancelled with it, so the turn has no answer."""
        self.connected = False

    def note(self, text: str) -> None:
        """A trigger writes into the session behind the socket's back."""
        self._row("assistant", content=text)

    def _row(self, role: str, **fields: Any) -> None:
        self.rows.append(
            {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(len(self.rows)))), "role": role, **fields}
        )
