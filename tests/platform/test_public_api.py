"""The public API is what docs/extending.md lists: it is there, typed and described, and the example needs no more."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec

import pytest

from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
EXAMPLE = ROOT / "examples" / "holdfast-example"
#: Packages of which only public names may be imported.
OURS = {"agents", "chat", "config", "demo", "scripts", "tests"}
API = {
    module: tuple(re.findall(r"`(\w+)`", names))
    for module, names in re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
}
NAMES = [(module, name) for module, names in API.items() for name in names]


def is_described(module: str, name: str) -> bool:
    """Whether a constant has a comment `#:` above it."""
    source = inspect.getsource(import_module(module))
    return re.search(rf"^#: .*\n(#: .*\n)*{name}\b.* = ", source, re.MULTILINE) is not None


def untyped(function: object, where: str) -> Iterator[str]:
    """The parameters of a function that have no type hint, and its result if it has none."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls") and parameter.annotation is parameter.empty:
            yield f"{where}: {parameter.name} has no type"
    if signature.return_annotation is signature.empty:
        yield f"{where} has no type of its result"


def methods(cls: type) -> Iterator[tuple[str, object]]:
    """The public methods that a class defines itself."""
    for name, found in vars(cls).items():
        function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
        if (
            not name.startswith("_")
            and inspect.isfunction(function)
            and "<locals>" not in function.__qualname__
        ):
            yield name, function


def faults(module: str, name: str) -> Iterator[str]:
    """What is wrong with a name that is said to be public."""
    where = f"{module}.{name}"
    found = getattr(import_module(module), name, None)
    if found is None:
        yield f"{where} is not there"
    elif inspect.isclass(found):
        if not found.__doc__ or found.__doc__.startswith(f"{name}("):  # as dataclasses write it
            yield f"{where} has no docstring"
        for method, function in methods(found):
            yield from untyped(function, f"{where}.{method}")
    elif is_described(module, name):
        pass
    elif inspect.isfunction(found):
        if not found.__doc__:
            yield f"{where} has no docstring"
        yield from untyped(found, where)
    else:
        yield f"{where} has no comment that says what it is"


def is_public(dotted: str) -> bool:
    """Whether a dotted name is a public one, a module with public ones, or a package on the way to one."""
    module, _, name = dotted.rpartition(".")
    return name in API.get(module, ()) or any(one == dotted or one.startswith(f"{dotted}.") for one in API)


def strange(tree: ast.AST) -> set[str]:
    """What a module takes from Holdfast and is not public: imported names, and attributes of imported modules."""
    used: set[str] = set()
    modules: dict[str, str] = {}  # by the name that they have here
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                used.add(alias.name)
                local = alias.asname or alias.name.split(".")[0]
                modules[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                used.add(dotted)
                if dotted.split(".")[0] in OURS and find_spec_of(dotted):
                    modules[alias.asname or alias.name] = dotted
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (chain := dotted_name(node)):
            first, _, rest = chain.partition(".")
            if first in modules:
                used.add(f"{modules[first]}.{rest}")
    ours = {one for one in used if one.split(".")[0] in OURS}
    return {one for one in ours if not is_public(one) and not reaches_in(one)}


def reaches_in(dotted: str) -> bool:
    """Whether this is an attribute of a public name."""
    return any(dotted.startswith(f"{module}.{name}.") for module, name in NAMES)


def dotted_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (of := dotted_name(node.value)):
        return f"{of}.{node.attr}"
    return ""


def find_spec_of(dotted: str) -> bool:
    try:
        return find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False


def sources() -> Iterable[tuple[str, str]]:
    """The package's modules, and the pieces of Python on the page."""
    for path in sorted(EXAMPLE.rglob("*.py")):
        yield str(path.relative_to(EXAMPLE)), path.read_text()
    for number, text in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), 1):
        yield f"docs/extending.md, piece {number}", text


SOURCES = dict(sources())


def test_the_page_lists_what_there_is_to_build_on() -> None:
    assert {"agents.tools", "agents.providers.base", "chat.extensions", "chat.messenger.adapter"} <= set(API)
    assert all(API.values()) and len(NAMES) == len(set(NAMES)) > 60


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda one: one)
def test_a_public_name_is_there_typed_and_described(module: str, name: str) -> None:
    assert list(faults(module, name)) == []


@pytest.mark.parametrize("where", SOURCES)
def test_the_example_and_the_page_use_public_names_only(where: str) -> None:
    assert strange(ast.parse(SOURCES[where])) == set()


def test_the_example_uses_every_kind_of_public_module() -> None:
    used = {module for text in SOURCES.values() for module in API if re.search(rf"\b{module}\b", text)}
    spoken = {"chat.messenger.adapter", "chat.messenger.store", "agents.tools", "chat.support.database"}
    assert spoken <= used and (EXAMPLE / "pyproject.toml").exists()


def test_a_name_that_is_gone_or_bare_would_be_noticed() -> None:
    assert list(faults("agents.tools", "tooool")) == ["agents.tools.tooool is not there"]
    assert list(faults("tests.platform.test_public_api", "bare")) == [
        "tests.platform.test_public_api.bare has no docstring",
        "tests.platform.test_public_api.bare: thing has no type",
        "tests.platform.test_public_api.bare has no type of its result",
    ]
    assert list(faults("tests.platform.test_public_api", "OURS_TOO")) != []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from chat.feed import Feed", {"chat.feed.Feed"}),
        ("import chat.models", {"chat.models"}),
        ("from chat import extensions\nextensions.services()", {"chat.extensions.services"}),
        ("from chat import extensions as e\ndef f():\n    e._registry", {"chat.extensions._registry"}),
        ("import chat.support.fields\nchat.support.fields.Text()", {"chat.support.fields.Text"}),
        ("from chat import models", {"chat.models"}),
        ("from agents.tools import tool\ntool.anything", set()),
        ("import agentsmith, django.db", set()),
    ],
)
def test_what_is_not_public_would_be_noticed(text: str, found: set[str]) -> None:
    assert strange(ast.parse(text)) == found


def bare(thing):  # type: ignore[no-untyped-def]
    return thing


OURS_TOO = OURS
