"""JSON of which only the beginning is wanted: what is written costs time, and not what there is to write."""

import json
from collections.abc import Iterator
from typing import Any

_END: Any = object()
_encode = json.JSONEncoder(ensure_ascii=False).encode


def dump(value: Any, most: int, indent: int = 0) -> str:
    """A JSON value as `json.dumps` writes it (compact, or with an indent), as far as its first `most` + 1 characters:
    who gets more than `most` knows that it is not all, and cuts it. Takes time in proportion to `most`.

    >>> dump({"a": [1, 2]}, 20), dump({"a": [1, 2]}, 3)
    ('{"a":[1,2]}', '{"a"')
    """
    out: list[str] = []
    room = most + 1
    colon = ": " if indent else ":"
    #: What is open: its elements, whether it is an object, and whether something of it was written.
    stack: list[tuple[Iterator[Any], bool]] = []
    begun: list[bool] = []
    todo = value
    while room > 0:
        if isinstance(todo, dict | list) and todo:
            stack.append((iter(todo.items() if isinstance(todo, dict) else todo), isinstance(todo, dict)))
            begun.append(False)
            text = "{" if isinstance(todo, dict) else "["
        else:
            text = _leaf(todo, room)
        # Close what is finished, and go on to the next element.
        todo = _END
        while stack and todo is _END:
            elements, named = stack[-1]
            todo = next(elements, _END)
            if todo is _END:
                stack.pop()
                begun.pop()
                text += _line(indent, len(stack)) + ("}" if named else "]")
            else:
                text += ("," if begun[-1] else "") + _line(indent, len(stack))
                begun[-1] = True
                if named:
                    key, todo = todo
                    text += _leaf(str(key), room) + colon
        out.append(text)
        room -= len(text)
        if todo is _END:
            break
    return "".join(out)[: most + 1]


def _leaf(value: Any, room: int) -> str:
    return _encode(value[:room] if isinstance(value, str) else value)


def _line(indent: int, depth: int) -> str:
    return "\n" + " " * (indent * depth) if indent else ""
