"""Search among a million messages on PostgreSQL: how long a page takes, in Chinese and English.

    python -m bench.search                       a million messages, on a PostgreSQL of its own in a temporary folder
    python -m bench.search --messages 100000

One person has a tenth of everything, the others share the rest. Words are as frequent as in real texts (Zipf), so there
are words that half of all messages have. The index is written by what the workers write it by (`chat/search`), and made
after the rows, as after a restore. Each question goes the whole way: index, texts, checks and snippets.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import time
import uuid
from bisect import bisect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Messages of one conversation, people, and the share of everything that the first of them has.
TURNS, PEOPLE, SHARE = 50, 1_000, 10
#: Questions of each kind.
ROUNDS = 100
START = 1_790_000_000_000
SOURCE = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本"
    "去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总"
    "次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权"
    "收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连"
    "断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严"
)


def words(letters: str, number: int, chance: random.Random, longest: int) -> list[str]:
    """A vocabulary, the most frequent first."""
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(chance.choices(letters, k=chance.randint(2, longest)))] = None
    return list(found)


class Speech:
    """Texts in which words are as frequent as in real ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.english = ["the", "and", *words("etaoinshrdlucmfwyp", 20_000, chance, 9)]
        self.chinese = ["我们", "可以", *words(SOURCE, 20_000, chance, 3)]
        weights = [1 / (rank + 3) for rank in range(20_002)]
        self._sums = list(itertools.accumulate(weights))

    def word(self, of: list[str]) -> str:
        """One of them."""
        return of[bisect(self._sums, self._chance.random() * self._sums[-1])]

    def text(self) -> str:
        """What somebody says: one to eighty words, in one of the languages."""
        length = min(80, 1 + int(self._chance.expovariate(1 / 22)))
        if self._chance.random() < 0.5:
            return " ".join(self.word(self.english) for _ in range(length))
        said = (
            self.word(self.chinese) + self._chance.choice(["", "", "", "，", "。", "的"])
            for _ in range(length)
        )
        return "".join(said)


def fill(messages: int, speech: Speech, chance: random.Random) -> None:
    """Write so many messages with their index."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from chat.search.fields import words_of
    from chat.search.tokens import fold, tokens

    users = [get_user_model()(username=f"p{number}") for number in range(PEOPLE)]
    get_user_model().objects.bulk_create(users, 1_000)
    owners = [user.pk for user in users]
    conversations = messages // TURNS
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX search_words")
        for first in range(0, conversations, 200):
            made, said, found = [], [], []
            for number in range(first, min(first + 200, conversations)):
                owner = owners[0] if number % SHARE == 0 else owners[1 + number % (PEOPLE - 1)]
                id, at = uuid.uuid4(), START + number * 60_000
                made.append((id, owner, speech.text()[:60], at, at, 2 * TURNS))
                for turn in range(TURNS):
                    key, text, seq = str(uuid.uuid4()), speech.text(), 2 * turn + 2
                    body = {"kind": "message", "seq": seq, "id": key, "text": text, "at": at + turn}
                    said.append(
                        (id, seq, key, "message", "", at + turn, json.dumps(body, ensure_ascii=False))
                    )
                    listed = words_of(owner, tokens(fold(text).text))
                    quoted = " ".join(f"'{word}'" for word in listed.split())
                    found.append((id, owner, "message", key, key, seq, "", at + turn, quoted))
            _copy(
                cursor,
                "chat_conversation (id, owner_id, title, created_at, updated_at, head_seq, agent, entrance, head_tag,"
                ' fence, info, run, "window", run_status, compacted_seq, input_tokens, output_tokens, cached_tokens)',
                ((*row, "assistant", "web", "t", 0, "null", "null", "[]", "", 0, 0, 0, 0) for row in made),
            )
            _copy(cursor, "chat_message (conversation_id, seq, message, kind, branch, at, body)", iter(said))
            _copy(
                cursor,
                "chat_searchtext (conversation_id, owner_id, kind, key, item, seq, branch, at, words)",
                iter(found),
            )
            if first % 2_000 == 0:
                print(
                    f"{first * TURNS:,} messages, {time.monotonic() - begun:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
        print(f"rows: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(
            "CREATE INDEX search_words ON chat_searchtext USING gin (words) WITH (fastupdate = off)"
        )
        cursor.execute("VACUUM ANALYZE chat_searchtext")
        cursor.execute("VACUUM ANALYZE chat_message")
        cursor.execute("VACUUM ANALYZE chat_conversation")
    print(f"all: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def _copy(cursor: Any, table: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def questions(speech: Speech, chance: random.Random) -> dict[str, Callable[[], str]]:
    """What is asked, by what it shows."""

    def rare(of: list[str]) -> str:
        return of[chance.randrange(3_000, 20_000)]

    return {
        "Chinese, the most frequent word": lambda: "我们",
        "Chinese, a word as it comes": lambda: speech.word(speech.chinese),
        "Chinese, a rare word": lambda: rare(speech.chinese),
        "Chinese, one character": lambda: chance.choice(SOURCE[:200]),
        "Chinese, two words": lambda: f"我们 {speech.word(speech.chinese)}",
        "English, the most frequent word": lambda: "the",
        "English, a word as it comes": lambda: speech.word(speech.english),
        "English, a rare word": lambda: rare(speech.english),
        "English, the beginning of a word": lambda: speech.word(speech.english)[:3],
        "English, two words": lambda: f"the {speech.word(speech.english)}",
        "a phrase": lambda: f'"the {speech.word(speech.english)}"',
        "not there": lambda: "qzxqzx",
    }


def measure(speech: Speech, chance: random.Random) -> Iterator[tuple[str, str, list[float], float]]:
    """(who, what, milliseconds of each question, hits of a page)."""
    from django.contrib.auth import get_user_model

    from chat.search import finding
    from chat.search.query import parse

    users = dict(get_user_model().objects.values_list("username", "pk"))
    for who, names in (
        ("100,000 of them", ["p0"]),
        ("about 900", [f"p{number}" for number in range(1, 200)]),
    ):
        for what, ask in questions(speech, chance).items():
            taken, hits = [], 0
            for _ in range(ROUNDS):
                owner, query = users[chance.choice(names)], parse(ask())
                begun = time.perf_counter()
                page = finding.search(owner, query, finding.Filters())
                finding.titles(owner, query, finding.Filters())
                taken.append((time.perf_counter() - begun) * 1_000)
                hits += len(page.hits)
            yield who, what, sorted(taken), hits / ROUNDS


def main(arguments: list[str]) -> int:
    """Fill a database of its own, ask, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.search")
    parser.add_argument("--messages", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    from tests.support.postgres import Postgres

    with tempfile.TemporaryDirectory() as folder, Postgres(shared_buffers="256MB") as server:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": server.url(),
            "DJANGO_SECRET_KEY": "of-the-bench-" * 6,
            "HOLDFAST_DATA": str(Path(folder)),
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        chance = random.Random(7)
        speech = Speech(chance)
        fill(given.messages, speech, chance)
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_size_pretty(pg_relation_size('search_words')),"
                " pg_size_pretty(pg_total_relation_size('chat_searchtext')),"
                " pg_size_pretty(pg_total_relation_size('chat_message'))"
            )
            print("GIN index {}, whole search table {}, messages {}".format(*cursor.fetchone()))
        print(f"\n{given.messages:,} messages, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores\n")
        print("| person has | question | p50 | p95 | max | hits |\n|---|---|---|---|---|---|")
        everything: list[float] = []
        for who, what, taken, hits in measure(speech, chance):
            everything += taken
            print(_row(who, what, taken, f"{hits:.1f}"), flush=True)
        print(_row("all", "all", sorted(everything), ""))
    return 0


def _row(who: str, what: str, taken: list[float], hits: str) -> str:
    p50, p95 = (taken[int(len(taken) * share)] for share in (0.5, 0.95))
    return f"| {who} | {what} | {p50:.0f} ms | {p95:.0f} ms | {taken[-1]:.0f} ms | {hits} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
