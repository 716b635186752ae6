"""What a path finds in a JSON document (RFC 9535), within a budget of steps. Pure.

Each value that is looked at, each comparison and each thousand characters that are compared cost a step, so no path
takes longer than the budget, whatever it is and whatever the document is. Values are found one by one and in the order
of the RFC: who needs few does not pay for all.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from chat.entrances.triggers.path_reader import parse
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
    Query,
    Selector,
    Slice,
    Test,
    Value,
    Wildcard,
)
from chat.support.steps import Steps

#: Of a value that is not there. It equals only itself.
_NOTHING: Any = object()
_END: Any = object()


@lru_cache(maxsize=500)
def compiled(text: str) -> Query:
    """A path, ready for use. Raises BadPath, whose text says why it cannot be used."""
    return parse(text)


def find(query: Query, document: Any, steps: Steps) -> Iterator[Any]:
    """The values that a query finds, in order. Raises TooManySteps while it is read."""
    if query.singular:
        value = _single(query, document, steps)
        if value is not _NOTHING:
            yield value
        return
    segments = query.segments
    stack: list[Iterator[Any]] = [iter((document,))]
    while stack:
        value = next(stack[-1], _END)
        if value is _END:
            stack.pop()
        elif len(stack) > len(segments):
            yield value
        else:
            stack.append(_children(segments[len(stack) - 1], value, steps))


def _children(selectors: tuple[Selector, ...], value: Any, steps: Steps) -> Iterator[Any]:
    for selector in selectors:
        steps.take()
        match selector:
            case Name() | Index():
                found = _at(selector, value)
                if found is not _NOTHING:
                    yield found
            case Slice(start, stop, step):
                if isinstance(value, list) and step:
                    for place in range(*slice(start, stop, step).indices(len(value))):
                        steps.take()
                        yield value[place]
            case Wildcard():
                for one in _elements(value):
                    steps.take()
                    yield one
            case Filter(test):
                for one in _elements(value):
                    steps.take()
                    if _holds(test, one, steps):
                        yield one


def _elements(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def _at(selector: Name | Index, value: Any) -> Any:
    if isinstance(selector, Name):
        return value.get(selector.key, _NOTHING) if isinstance(value, dict) else _NOTHING
    if not isinstance(value, list) or not -len(value) <= selector.place < len(value):
        return _NOTHING
    return value[selector.place]


def _single(query: Query, value: Any, steps: Steps) -> Any:
    for (selector,) in query.segments:
        steps.take()
        assert isinstance(selector, Name | Index)
        value = _at(selector, value)
        if value is _NOTHING:
            break
    return value


def _holds(test: Test, element: Any, steps: Steps) -> bool:
    steps.take()
    match test:
        case Comparison(left, operator, right):
            return _compared(_value(left, element, steps), operator, _value(right, element, steps), steps)
        case Exists(query):
            return next(find(query, element, steps), _END) is not _END
        case Not(inner):
            return not _holds(inner, element, steps)
        case All(tests):
            return all(_holds(one, element, steps) for one in tests)
        case Any_(tests):
            return any(_holds(one, element, steps) for one in tests)


def _value(value: Value, element: Any, steps: Steps) -> Any:
    match value:
        case Literally(literal):
            return literal
        case Query():
            return _single(value, element, steps)
        case Function("length", argument):
            found = _value(argument, element, steps)
            return len(found) if isinstance(found, str | list | dict) else _NOTHING
        case Function("count", Query() as query):
            return sum(1 for _ in find(query, element, steps))
        case Function(_, Query() as query):
            several = find(query, element, steps)
            first = next(several, _NOTHING)
            return first if next(several, _END) is _END else _NOTHING
    raise AssertionError(value)


def _compared(left: Any, operator: str, right: Any, steps: Steps) -> bool:
    match operator:
        case "==":
            return equal(left, right, steps)
        case "!=":
            return not equal(left, right, steps)
        case "<":
            return _less(left, right, steps)
        case ">":
            return _less(right, left, steps)
        case "<=":
            return _less(left, right, steps) or equal(left, right, steps)
        case _:
            return _less(right, left, steps) or equal(left, right, steps)


def _less(left: Any, right: Any, steps: Steps) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        steps.take(1 + min(len(left), len(right)) // 1_000)
        return left < right
    return _is_number(left) and _is_number(right) and bool(left < right)


def equal(left: Any, right: Any, steps: Steps) -> bool:
    """Whether two JSON values are the same, as RFC 9535 has it: 1 is 1.0, and true is no number."""
    pairs = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        steps.take()
        if isinstance(left, str) and isinstance(right, str):
            steps.take(min(len(left), len(right)) // 1_000)
            same = left == right
        elif isinstance(left, list) and isinstance(right, list):
            same = len(left) == len(right)
            if same:
                steps.take(len(left))
                pairs += zip(left, right, strict=True)
        elif isinstance(left, dict) and isinstance(right, dict):
            same = left.keys() == right.keys()
            if same:
                steps.take(len(left))
                pairs += ((one, right[key]) for key, one in left.items())
        elif _is_number(left) and _is_number(right):
            same = left == right
        else:
            same = left is right
        if not same:
            return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
