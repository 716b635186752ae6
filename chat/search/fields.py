"""The column of a text's words, and how it is asked: `words__matches=Wanted(owner, query)`.

PostgreSQL has a `tsvector` with a GIN index. SQLite has the words as text, and a full-text table (FTS5) beside it that
triggers keep (chat/migrations). Each word bears the number of whose text it is: so a search reads its person's part of
the index and no other, however common a word is among everybody.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Lookup

from chat.search.query import Query, Token

if TYPE_CHECKING:
    Text = models.TextField[Any, Any]
    Asked = Lookup[Any]
else:
    Text = models.TextField
    Asked = Lookup

#: The full-text table of SQLite.
FTS = "chat_searchtext_fts"
#: What a token may hold, so that no quoting is needed.
_TOKEN = re.compile(r"[^\s'\"\\:&|!()*<>\0]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Texts of this person in which all of this is."""

    owner: int
    query: Query


def whose(owner: int, token: str) -> str:
    """A token with the number of the person whose text it is in. Raises ValueError for what is no token."""
    if _TOKEN.fullmatch(token) is None:
        raise ValueError(f"No token: {token!r}")
    return f"{owner}:{token}"


def words_of(owner: int, tokens: Iterable[str]) -> str:
    """The value of the column."""
    return " ".join(whose(owner, token) for token in tokens)


class WordsField(Text):
    """Words that are looked for, separated by spaces (`words_of`). It is asked and not read."""

    def db_type(self, connection: Any) -> str:
        """`tsvector` on PostgreSQL."""
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """A list of words is what the text form of a tsvector is."""
        return "%s::tsvector" if connection.vendor == "postgresql" else "%s"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Each word in quotation marks on PostgreSQL, where a colon means something else."""
        if connection.vendor == "postgresql" and isinstance(value, str):
            return " ".join(f"'{word}'" for word in value.split())
        return value


@WordsField.register_lookup
class Matches(Asked):
    """All of the tokens are in the column."""

    lookup_name = "matches"
    prepare_rhs = False
    rhs: Wanted

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """By the GIN index."""
        column, values = self.process_lhs(compiler, connection)
        asked = " & ".join(f"'{word}'{':*' if token.open else ''}" for word, token in self._asked())
        return f"{column} @@ %s::tsquery", [*values, asked]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """By the full-text table."""
        quote = connection.ops.quote_name
        asked = " AND ".join(f'"{word}"{" *" if token.open else ""}' for word, token in self._asked())
        return (
            f"{quote(self.lhs.alias)}.{quote('id')} IN (SELECT rowid FROM {FTS} WHERE {FTS} MATCH %s)",
            [asked],
        )

    def _asked(self) -> list[tuple[str, Token]]:
        return [(whose(self.rhs.owner, token.text), token) for token in self.rhs.query.tokens]
