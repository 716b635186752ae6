"""Reads a path into JSON, in time linear in its text. Pure."""

import re
from typing import NoReturn

from chat.entrances.triggers.path_syntax import (
    All,
    Any_,
    Comparison,
    Exists,
    Filter,
    Function,
    Index,
    Literally,
    Name,
    Not,
    Operator,
    Query,
    Selector,
    Slice,
    Test,
    Value,
    Wildcard,
)

MAX_PATH = 300
#: Parentheses, filters and functions inside each other.
MAX_NESTING = 10
#: Indexes are exact in every reader of JSON (RFC 9535, 2.1).
MAX_INDEX = 2**53 - 1


class BadPath(ValueError):
    """It is no path; the text says where it stops being one."""


_BLANK = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r"[A-Za-z_\u0080-\ud7ff\ue000-\U0010ffff][\w\u0080-\ud7ff\ue000-\U0010ffff]*", re.ASCII)
_INT = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FUNCTION = re.compile(r"([a-z][a-z0-9_]*)\(")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_KEYWORD = re.compile(r"(true|false|null)(?![\w(])", re.ASCII)
_KEYWORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}


def parse(text: str) -> Query:
    """The query that a path stands for. Raises BadPath."""
    if len(text) > MAX_PATH:
        raise BadPath(f"A path has at most {MAX_PATH} characters.")
    if not text.startswith("$"):
        raise BadPath("A path begins with $, like $.items[0].state.")
    reader = _Reader(text, 1)
    query = reader.query()
    if reader.place != len(text):
        reader.fail()
    return query


class _Reader:
    """Reads one path by recursive descent. `place` is the next character."""

    def __init__(self, text: str, place: int) -> None:
        self.text, self.place, self.depth = text, place, 0

    # ---- characters ----

    def fail(self, problem: str = "") -> NoReturn:
        at = "at its end" if self.place >= len(self.text) else f"at character {self.place + 1}"
        raise BadPath(problem or f"This is no JSON path ({at}). Write it like $.items[0].state")

    def blanks(self) -> None:
        found = _BLANK.match(self.text, self.place)
        self.place = found.end() if found else self.place

    def peek(self, mark: str) -> bool:
        return self.text.startswith(mark, self.place)

    def take(self, mark: str) -> bool:
        if not self.peek(mark):
            return False
        self.place += len(mark)
        return True

    def need(self, mark: str) -> None:
        if not self.take(mark):
            self.fail()

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(f"Filters and parentheses nest at most {MAX_NESTING} deep.")

    # ---- segments ----

    def query(self) -> Query:
        segments: list[tuple[Selector, ...]] = []
        while True:
            before = self.place
            self.blanks()
            if self.peek(".."):
                self.fail("A path must name each step; “..” is not allowed.")
            if self.take("."):
                segments.append((self.shorthand(),))
            elif self.take("["):
                segments.append(self.bracket())
            else:
                self.place = before
                return Query(tuple(segments))

    def shorthand(self) -> Selector:
        if self.take("*"):
            return Wildcard()
        found = self.match(_NAME)
        return Name(found[0]) if found else self.fail()

    def bracket(self) -> tuple[Selector, ...]:
        selectors = []
        while True:
            self.blanks()
            selectors.append(self.selector())
            self.blanks()
            if self.take("]"):
                return tuple(selectors)
            self.need(",")

    def selector(self) -> Selector:
        if self.take("*"):
            return Wildcard()
        if self.peek("'") or self.peek('"'):
            return Name(self.string())
        if self.take("?"):
            self.deeper()
            self.blanks()
            test = self.any_of()
            self.depth -= 1
            return Filter(test)
        first = self.integer()
        before = self.place
        self.blanks()
        if self.peek(":"):
            return self.slice(first)
        self.place = before
        return Index(first) if first is not None else self.fail()

    def slice(self, start: int | None) -> Slice:
        self.need(":")
        self.blanks()
        stop = self.integer()
        step: int | None = None
        before = self.place
        self.blanks()
        if self.take(":"):
            self.blanks()
            step = self.integer()
        else:
            self.place = before
        return Slice(start, stop, 1 if step is None else step)

    def integer(self) -> int | None:
        found = self.match(_INT)
        if not found:
            return None
        number = int(found[0])
        if abs(number) > MAX_INDEX:
            self.fail("This index is larger than any list.")
        return number

    def string(self) -> str:
        quote = self.text[self.place]
        self.place += 1
        out = []
        while not self.take(quote):
            char = self.text[self.place : self.place + 1]
            if not char or char < " " or "\ud800" <= char <= "\udfff":
                self.fail()
            self.place += 1
            out.append(char if char != "\\" else self.escape(quote))
        return "".join(out)

    def escape(self, quote: str) -> str:
        char = self.text[self.place : self.place + 1]
        self.place += 1
        if char and (char == quote or char in _ESCAPES):
            return _ESCAPES.get(char, char)
        if char != "u":
            self.fail()
        code = self.hexadecimal()
        if 0xD800 <= code < 0xDC00 and self.take("\\u"):
            low = self.hexadecimal()
            if not 0xDC00 <= low < 0xE000:
                self.fail()
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        return chr(code) if not 0xD800 <= code < 0xE000 else self.fail()

    def hexadecimal(self) -> int:
        found = self.match(_HEX)
        return int(found[0], 16) if found else self.fail()

    # ---- filters ----

    def any_of(self) -> Test:
        tests = [self.all_of()]
        while self.mark("||"):
            tests.append(self.all_of())
        return tests[0] if len(tests) == 1 else Any_(tuple(tests))

    def all_of(self) -> Test:
        tests = [self.basic()]
        while self.mark("&&"):
            tests.append(self.basic())
        return tests[0] if len(tests) == 1 else All(tuple(tests))

    def mark(self, mark: str) -> bool:
        before = self.place
        self.blanks()
        if self.take(mark):
            self.blanks()
            return True
        self.place = before
        return False

    def basic(self) -> Test:
        if self.take("!"):
            self.blanks()
            found = self.grouped() if self.peek("(") else self.tested()
            if isinstance(found, Comparison):
                self.fail()
            return Not(found)
        return self.grouped() if self.peek("(") else self.tested()

    def grouped(self) -> Test:
        self.need("(")
        self.deeper()
        self.blanks()
        # A comparison in parentheses is a test as a whole, and may be negated.
        test = All((self.any_of(),))
        self.blanks()
        self.need(")")
        self.depth -= 1
        return test

    def tested(self) -> Test:
        left = self.value()
        before = self.place
        self.blanks()
        if (found := self.match(_OPERATOR)) is None:
            self.place = before
            return Exists(left) if isinstance(left, Query) else self.fail()
        self.blanks()
        right = self.value()
        if any(isinstance(one, Query) and not one.singular for one in (left, right)):
            self.fail("What is compared must be one value: names and places only.")
        operator: Operator = found[0]  # type: ignore[assignment]
        return Comparison(left, operator, right)

    def value(self) -> Value:
        if self.take("@"):
            return self.query()
        if self.peek("$"):
            self.fail("A filter must look at its own element (@), not at the whole document ($).")
        if self.peek("'") or self.peek('"'):
            return Literally(self.string())
        if found := self.match(_KEYWORD):
            return Literally(_KEYWORDS[found[1]])
        if found := self.match(_FUNCTION):
            return self.function(found[1])
        if found := self.match(_NUMBER):
            return Literally(self.number(found))
        return self.fail()

    def number(self, found: re.Match[str]) -> int | float:
        if found[1] is None and found[2] is None:
            return int(found[0])
        number = float(found[0])
        return number if abs(number) != float("inf") else self.fail("This number is too large.")

    def function(self, name: str) -> Function:
        self.deeper()
        if name not in ("length", "count", "value"):
            self.fail(f"There is no function {name}() here. There are length(), count() and value().")
        self.blanks()
        argument = self.value()
        self.blanks()
        self.need(")")
        self.depth -= 1
        if name == "length":
            if isinstance(argument, Query) and not argument.singular:
                self.fail("length() is of one value: names and places only.")
            return Function("length", argument)
        if not isinstance(argument, Query):
            self.fail(f"{name}() is of what a query like @.items[*] finds.")
        return Function("count" if name == "count" else "value", argument)
