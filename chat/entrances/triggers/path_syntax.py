"""What a path into JSON consists of: RFC 9535 without what lets a short path visit a document many times.

    path       $ then segments            .name   .*   ['name']   [0]   [1:5:2]   [*]   [?filter]   [0, 'a']
    filter     ||  &&  !  ( )             tests (@.a) and comparisons (@.a == 1)
    functions  length(…)  count(…)  value(…)

Left out: `..`, `$` inside filters, `match()` and `search()`. `path_reader` reads it; `paths` says what it finds.
"""

from dataclasses import dataclass
from typing import Literal

Operator = Literal["==", "!=", "<=", ">=", "<", ">"]


@dataclass(frozen=True)
class Name:
    key: str


@dataclass(frozen=True)
class Index:
    place: int


@dataclass(frozen=True)
class Slice:
    start: int | None
    stop: int | None
    step: int


@dataclass(frozen=True)
class Wildcard:
    pass


@dataclass(frozen=True)
class Filter:
    test: "Test"


Selector = Name | Index | Slice | Wildcard | Filter


@dataclass(frozen=True)
class Query:
    """Segments, each a tuple of selectors: from the document, or in a filter from the element."""

    segments: tuple[tuple[Selector, ...], ...]

    @property
    def singular(self) -> bool:
        """Whether it finds one value at most, whatever the document is."""
        return all(len(one) == 1 and isinstance(one[0], Name | Index) for one in self.segments)


@dataclass(frozen=True)
class Literally:
    value: str | int | float | bool | None


@dataclass(frozen=True)
class Function:
    name: Literal["length", "count", "value"]
    argument: "Value"


Value = Query | Literally | Function


@dataclass(frozen=True)
class Comparison:
    left: Value
    operator: Operator
    right: Value


@dataclass(frozen=True)
class Exists:
    query: Query


@dataclass(frozen=True)
class Not:
    test: "Test"


@dataclass(frozen=True)
class All:
    tests: "tuple[Test, ...]"


@dataclass(frozen=True)
class Any_:
    tests: "tuple[Test, ...]"


Test = Comparison | Exists | Not | All | Any_
