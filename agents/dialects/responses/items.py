"""The items of one response, matched by what names them: `id`, then `call_id`, never by their place in the output.

Servers differ in which events of an item they send, whether and how they count `output_index`, and whether the items
of the final `output` are those that streamed. So each item gathers what is said of it, and tells at the end what it
comes to.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class OutputItem:
    """One item of a response, as far as it has come."""

    kind: str
    #: What the server has said of the item as a whole.
    data: dict[str, Any] = field(default_factory=dict)
    #: Text that has streamed, by content index.
    texts: dict[int, str] = field(default_factory=dict)
    #: Arguments in pieces, and as an event of their own had them whole; None: none had.
    pieces: str = ""
    told: str | None = None
    #: The server has said of the item that it is done.
    done: bool = False

    @property
    def text(self) -> str:
        """The text that has streamed."""
        return "".join(self.texts[place] for place in sorted(self.texts))

    @property
    def final_text(self) -> str:
        """The text as the server said it of the item."""
        content = self.data.get("content")
        parts = content if isinstance(content, list) else []
        texts = [part.get("text") or part.get("refusal") for part in parts if isinstance(part, Mapping)]
        return "".join(text for text in texts if isinstance(text, str))

    @property
    def arguments(self) -> str:
        """The arguments of a call: whole, where anything had them whole, else the pieces."""
        own = self.data.get("arguments")
        own = own if isinstance(own, str) or own is None else json.dumps(own, ensure_ascii=False)
        if self.done and own:
            return own
        return self.told or self.pieces or own or ""

    def complete(self, over: bool) -> bool:
        """Whether all of a call's arguments have come; `over`: the response has ended as a whole."""
        told = self.done or self.told is not None
        if self.data.get("status") == "incomplete":
            return False
        return over and told if not _is_object(self.arguments) else over or told

    def merge(self, item: Mapping[str, Any], done: bool) -> None:
        """Take what an event says of the item as a whole; what it leaves out stands."""
        self.data |= {name: value for name, value in item.items() if value not in (None, "", [])}
        self.done = self.done or done


class Items:
    """All items of a response, in the order in which they were first heard of."""

    def __init__(self) -> None:
        self._items: list[OutputItem] = []
        self._by_id: dict[str, OutputItem] = {}
        self._by_call: dict[str, OutputItem] = {}
        #: The latest item that began at an index of the stream, for events that name none.
        self._at: dict[int, OutputItem] = {}

    def __iter__(self) -> Iterator[OutputItem]:
        return iter(self._items)

    def of(self, event: Mapping[str, Any], kind: str, *, late: bool = False) -> OutputItem:
        """The item that a piece belongs to, opened if nobody has spoken of it before. `late`: the piece repeats, so it
        may belong to an item that is done."""
        id, place = _word(event.get("item_id")), event.get("output_index")
        if id in self._by_id:
            return self._by_id[id]
        if isinstance(place, int):
            found = self._at.get(place)
        else:
            found = next((item for item in reversed(self._items) if item.kind == kind), None)
            if id and found is not None and any(found is named for named in self._by_id.values()):
                found = None
        if found is None or found.kind != kind or (found.done and not late):
            found = self._open(kind, place)
        if id:
            self._by_id[id] = found
        return found

    def take(self, item: Mapping[str, Any], place: Any, *, done: bool) -> OutputItem:
        """What an event of the stream says of an item as a whole. `place`: its index; not `done`: it begins."""
        found = self._named(item)
        if found is None and done and isinstance(place, int):
            there = self._at.get(place)
            found = there if there is not None and not there.done and _may_be(there, item) else None
        return self._merged(found, item, place, done)

    def settle(self, output: list[Any]) -> None:
        """The final output: what it says of an item is final, and where it lists all of them, so is its order."""
        listed: list[OutputItem] = []
        final = [item for item in output if isinstance(item, Mapping)]
        known = [self._named(item) for item in final]
        taken = [item for item in known if item is not None]
        for item, named in zip(final, known, strict=True):
            found = named or self._alike(item, taken)
            merged = self._merged(found, item, None, True)
            taken.append(merged)
            if merged not in listed:
                listed.append(merged)
        if len(listed) == len(self._items):
            self._items = listed

    def _named(self, item: Mapping[str, Any]) -> OutputItem | None:
        found = self._by_id.get(_word(item.get("id"))) or self._by_call.get(_word(item.get("call_id")))
        return found if found is not None and found.kind == item.get("type") else None

    def _alike(self, item: Mapping[str, Any], taken: list[OutputItem]) -> OutputItem | None:
        """Of an item whose names are new: the one that streamed under other names. Never two for one."""
        final = OutputItem(str(item.get("type", "")), dict(item), done=True)
        held = [one for one in self._items if one.kind == final.kind and one not in taken]
        if final.kind == "function_call":
            return next((one for one in held if _same_call(one, final)), None)
        alike = (one for one in held if _goes_on(one.text or one.final_text, final.final_text))
        return next(alike, held[0] if held else None)

    def _merged(
        self, found: OutputItem | None, item: Mapping[str, Any], place: Any, done: bool
    ) -> OutputItem:
        found = found or self._open(str(item.get("type", "")), place)
        found.merge(item, done)
        if id := _word(item.get("id")):
            self._by_id[id] = found
        if call_id := _word(item.get("call_id")):
            self._by_call[call_id] = found
        return found

    def _open(self, kind: str, place: Any) -> OutputItem:
        item = OutputItem(kind)
        self._items.append(item)
        if isinstance(place, int):
            self._at[place] = item
        return item


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _may_be(held: OutputItem, item: Mapping[str, Any]) -> bool:
    """Whether what stands at the same index of the stream can be the same item: nothing that names them differs."""
    if held.kind != item.get("type"):
        return False
    names = ((held.data.get(name), item.get(name)) for name in ("call_id", "name"))
    return all(not one or not other or one == other for one, other in names)


def _same_call(held: OutputItem, final: OutputItem) -> bool:
    """Whether a call of the final output is one that streamed under another id: the same tool, the same arguments."""
    if held.data.get("name", final.data.get("name")) != final.data.get("name"):
        return False
    return not held.arguments or _value(held.arguments) == _value(final.arguments)


def _goes_on(streamed: str, final: str) -> bool:
    """Whether a text is what streamed, or goes on from there; white space aside, which servers trim."""
    one, other = "".join(streamed.split()), "".join(final.split())
    return bool(one) and other.startswith(one)


def _is_object(text: str) -> bool:
    return isinstance(_value(text), dict)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
