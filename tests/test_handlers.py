"""What fails inside `except X:` is not seen by the clauses beside it (rule R10): nobody acts again in a handler.

Where a `try` has several clauses, none of them waits for anything but time: what it does next, it does after the `try`,
where the same clauses, or those of a caller, see what becomes of it. Text that could not be shown was sent again inside
`except PartGap`, and a store that was away for a second ended every run that was streaming.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for name in ("agents", "chat", "config") for path in (ROOT / name).rglob("*.py"))
#: What a handler may wait for.
TIME = "asyncio.sleep"
#: Clauses that clean up and then go on raising what they caught: a cancellation sees no clause beside it anyway.
CLEANING = ("asyncio.CancelledError", "BaseException")

BAD = """
async def part(self):
    try:
        await self.store.part()
    except PartGap:
        await self.store.part()
    except Unavailable:
        pass
"""
GOOD = """
async def part(self):
    for pause in BACKOFF:
        try:
            return await self.store.part()
        except PartGap:
            again = True
        except Unavailable:
            await asyncio.sleep(pause)
        except Exception:
            try:
                await self.tell()
            except Exception:
                pass
        except asyncio.CancelledError:
            await self.end()
            raise
"""


def acting(source: str) -> Iterator[tuple[int, str]]:
    """(line, what is awaited) inside a clause that has others beside it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Try) and len(node.handlers) > 1:
            for clause in node.handlers:
                if not _cleans_up(clause):
                    yield from _awaited(clause.body)


def _cleans_up(clause: ast.ExceptHandler) -> bool:
    caught = ast.unparse(clause.type) if clause.type else "BaseException"
    last = clause.body[-1]
    return caught in CLEANING and isinstance(last, ast.Raise) and last.exc is None


def _awaited(nodes: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue  # called elsewhere
        if isinstance(node, ast.Try) and node.handlers:
            waiting += [*node.orelse, *node.finalbody]  # it has clauses of its own
            continue
        if isinstance(node, ast.Await):
            called = node.value.func if isinstance(node.value, ast.Call) else node.value
            if ast.unparse(called) != TIME:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.AsyncFor | ast.AsyncWith):
            yield node.lineno, ast.unparse(node).splitlines()[0]
        waiting += ast.iter_child_nodes(node)


def test_the_rule_tells_good_from_bad() -> None:
    assert list(acting(BAD)) == [(6, "await self.store.part()")]
    assert list(acting(GOOD)) == []


@pytest.mark.parametrize("package", ["agents", "chat", "config"])
def test_R10_no_handler_acts_again_where_clauses_beside_it_would_have_to_see_it(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == package
        for line, what in acting(path.read_text())
    ]
    assert found == [], "Do it after the `try`, or in a loop around it."
