"""Paths into JSON (RFC 9535), bounded as `matching.py` says, which imports this when it is needed."""

from functools import lru_cache

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.token import TOKEN_DDOT, TOKEN_ROOT

MAX_PATH = 300


class _Paths(JSONPathEnvironment):
    """Without the functions that run patterns by a backtracking matcher."""

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        for name in ("match", "search"):
            self.function_extensions.pop(name, None)


_paths = _Paths(strict=True)


@lru_cache(maxsize=500)
def compiled(text: str) -> JSONPath:
    """A path, ready for use. Raises ValueError, whose text says why it cannot be used."""
    if len(text) > MAX_PATH:
        raise ValueError(f"A path has at most {MAX_PATH} characters.")
    try:
        kinds = [token.kind for token in _paths.lexer.tokenize(text)]
        found = _paths.compile(text)
    except (JSONPathError, RecursionError) as problem:
        told = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise ValueError(f"This is no JSON path ({told}). Write it like $.items[0].state") from None
    if TOKEN_DDOT in kinds:
        raise ValueError("A path must name each step; “..” is not allowed.")
    if kinds.count(TOKEN_ROOT) > 1:
        raise ValueError("A filter must look at its own element (@), not at the whole document ($).")
    if not isinstance(found, JSONPath):
        raise ValueError("Give one path.")
    return found
