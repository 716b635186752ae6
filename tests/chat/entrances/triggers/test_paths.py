"""Paths mean what RFC 9535 says, as far as they are taken; a public library is the witness."""

import random

import pytest
from jsonpath import JSONPathEnvironment

from chat.entrances.triggers import paths
from chat.entrances.triggers.path_reader import BadPath
from chat.support.steps import Steps, TooManySteps

A = ["a", "b", "c", "d", "e", "f", "g"]


def found(path: str, document: object, steps: int = 10_000) -> list[object]:
    return list(paths.find(paths.compiled(path), document, Steps(steps)))


@pytest.mark.parametrize(
    ("path", "document", "values"),
    [
        # The RFC's own examples: slices (2.3.4.3), names (2.3.1.3), comparisons (2.3.5.3).
        ("$[1:3]", A, ["b", "c"]),
        ("$[5:]", A, ["f", "g"]),
        ("$[1:5:2]", A, ["b", "d"]),
        ("$[5:1:-2]", A, ["f", "d"]),
        ("$[::-1]", A, A[::-1]),
        ("$[::0]", A, []),
        ("$[1:3]", "a text is no list", []),
        ("$['a','a',::9]", {"a": 1}, [1, 1]),
        ("$.o['j j']['k.k']", {"o": {"j j": {"k.k": 3}}}, [3]),
        (r"$['☺']", {"☺": 1}, [1]),
        (r"$['\u263A\uD83D\uDE00']", {"☺😀": 1}, [1]),
        ("$[?@.absent1 == @.absent2]", [{}], [{}]),
        ("$[?@.absent1 <= @.absent2]", [{}], [{}]),
        ("$[?@.absent == 'g']", [{}], []),
        ("$[?13 == '13']", [0], []),
        ("$[?1 <= 2]", [0], [0]),
        ("$[?1 > 2]", [0], []),
        ("$[?'a' <= 'b']", [0], [0]),
        ("$[?@.obj == @.arr]", [{"obj": {"x": "y"}, "arr": [2, 3]}], []),
        ("$[?@ == @]", [{"x": [1, {"y": None}]}], [{"x": [1, {"y": None}]}]),
        ("$[?@ == 1]", [1, 1.0, True, "1"], [1, 1.0]),
        ("$[?@ == true]", [1, True], [True]),
        ("$[?true <= true]", [0], [0]),
        ("$[?true > true]", [0], []),
        ("$[?@]", [0, "", None, False], [0, "", None, False]),
        ("$[?!@.a]", [{"a": None}, {}], [{}]),
        (
            "$[?@.a || @.b && !@.c]",
            [{"a": 1, "c": 1}, {"b": 1, "c": 1}, {"b": 1}],
            [{"a": 1, "c": 1}, {"b": 1}],
        ),
        ("$[?!(@.a == 1)]", [{"a": 1}, {"a": 2}], [{"a": 2}]),
        ("$[?length(@) == 2]", ["☺☺", [1, 2], {"a": 1}, 2], ["☺☺", [1, 2]]),
        ("$[?count(@.*) == 1]", [{"a": 1}, [1, 2]], [{"a": 1}]),
        ("$[?value(@[0:1]) == 5]", [[5], [5, 6], [6]], [[5], [5, 6]]),
        ("$ .a [ 0 ]", {"a": [1]}, [1]),
    ],
)
def test_paths_find_what_the_rfc_says(path, document, values):
    assert found(path, document) == values


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "a",
            "$.",
            "$..a",
            "$[",
            "$[]",
            "$[1e5]",
            "$[01]",
            "$[-0]",
            "$[1.0]",
            "$['a]",
            "$[1:2:3:4]",
            "$.a ",
            " $.a",
        ),
        *(
            "$[9007199254740992]",
            "$['\ud800']",
            r"$['\ud800']",
            "$.\ud800",
            "$['\0']",
            "$[²]",
            "$[٣]",
            "$[?@ == ١]",
        ),
        *(
            "$[?1]",
            "$[?true]",
            "$[?count(@.*)]",
            "$[?length(@.*) == 1]",
            "$[?@.* == 1]",
            "$[?@ == 1e400]",
            "$[?@ == $.a]",
        ),
        *(
            "$[?match(@.a, 'a')]",
            "$[?search(@.a, 'a')]",
            "$[?unknown(@)]",
            "$[?!@ == 1]",
            "$[?@ = 1]",
            "$[?(@]",
        ),
        *("$[?" + "(" * 200, "$[?@" * 75, "$[?!" * 75, "$" + ".a" * 200),
    ],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(BadPath):
        paths.compiled(path)


@pytest.mark.parametrize(
    "path", ["$" + "[0,0]" * 58, "$" + "[0,0]" * 7, "$[?count(@" + "[0,0]" * 7 + ") == 1]"]
)
def test_a_path_that_visits_a_document_many_times_ends_after_its_steps(path):
    document: object = []
    for _ in range(60):
        document = [document, document]
    with pytest.raises(TooManySteps):
        found(path, document, 100)


def test_the_witness_finds_the_same():
    rng = random.Random(20_261_129)
    witness = JSONPathEnvironment(strict=True)
    both = refused = 0
    for _ in range(3_000):
        path, document = _path(rng), _document(rng)
        try:
            theirs = [match.obj for match in witness.compile(path).finditer(document)]
        except Exception:
            theirs = None
        try:
            ours = found(path, document, 10**6)
        except BadPath:
            ours = None
        assert repr(ours) == repr(theirs), (path, document)
        both += ours is not None
        refused += ours is None
    assert both > 2_000
    assert refused > 20


# What the witness has wrong is left out: slices beside other selectors and of texts, truths that are less than numbers,
# count() and value() of a bare `@`.
_KEYS = ("a", "b", "items", "é", "_x")


def _document(rng, depth=0):
    chosen = rng.random()
    if depth > 3 or chosen < 0.3:
        return rng.choice((0, 1, 1.0, -1, None, "a", "", 1e10))
    if chosen < 0.7:
        return {key: _document(rng, depth + 1) for key in rng.sample(_KEYS, rng.randrange(5))}
    return [_document(rng, depth + 1) for _ in range(rng.randrange(5))]


def _path(rng):
    made = "$" + "".join(_segment(rng, 0) for _ in range(rng.randrange(1, 4)))
    return made if rng.random() < 0.95 else made.replace("]", "", 1)


def _segment(rng, depth):
    if rng.random() < 0.5:
        return "." + rng.choice((*_KEYS, "*"))
    several = [_selector(rng, depth) for _ in range(rng.choice((1, 1, 2, 3)))]
    return f"[{rng.choice((',', ' , ')).join(several)}]"


def _selector(rng, depth):
    chosen = rng.randrange(4 if depth < 3 else 3)
    if chosen == 0:
        return repr(rng.choice(_KEYS))
    if chosen == 1:
        return str(rng.choice((0, 1, -1, 4)))
    return "*" if chosen == 2 else f"?{_test(rng, depth + 1)}"


def _test(rng, depth):
    chosen = rng.randrange(5 if depth < 3 else 2)
    if chosen == 0:
        return "@" + "".join(_segment(rng, depth) for _ in range(rng.randrange(1, 3)))
    if chosen == 1:
        return f"{_value(rng)} {rng.choice(('==', '!=', '<', '<=', '>', '>='))} {_value(rng)}"
    if chosen == 2:
        return f"!({_test(rng, depth + 1)})"
    return rng.choice((" && ", "||")).join(_test(rng, depth + 1) for _ in range(2))


def _value(rng):
    query = "@" + "".join(
        rng.choice((f".{rng.choice(_KEYS)}", "[0]", "[-1]")) for _ in range(rng.randrange(3))
    )
    return rng.choice((query, query, f"length({query})", "count(@.*)", "1", "-1.5e2", "'a'", "null", "0"))
