"""What the pages of the admin take in a database of a million events and 50,000 conversations.

    python -m bench.million [--postgres] [--conversations 50000] [--turns 2] [--rounds 5]

Every list of the admin, each of its filters and orders, the searches of an operator, and the pages of a conversation
(with its waterfall, its events, a moment of it, what the model was sent) are asked of Django in this process, of
several conversations, old and new, and of long ones. Their events are as a worker writes them, and the rows beside
these are the journal's own (`bench/lived.py`): a page that could show nothing fails. Printed are the slowest by their
95th percentile, with the statements that each made; 1 if one takes longer than LIMIT_S on PostgreSQL, or more
statements than MOST.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import large

#: Seconds that a page may take at its 95th percentile, and statements that it may make.
LIMIT_S, MOST = 1.0, 60
#: Conversations that a page is asked of, and long ones.
OF, LONG = 8, 3
#: What pages say that show what they are for, by a part of their names.
SAYS = {
    "waterfall": "hf-k-model",
    "what the model was sent": "curl -sS",
    "as it was": "receipt ",
    "search: a pasted error": "About ",
    "search: a word of some message": "About ",
    "search: the words of an error": "About ",
    "search: what a tool gave": "About ",
    "stale": "About ",
}
#: Lines of the table.
SHOWN = 40

Pages = dict[str, list[str]]
#: Page → (seconds of each request, statements of the most).
Took = dict[str, tuple[list[float], int]]


def main(arguments: list[str]) -> int:
    """Fill, measure, print; the exit status says whether all pages are quick enough."""
    parser = argparse.ArgumentParser(prog="python -m bench.million")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prog := "holdfast-million-")))
        _set_up(folder, stack, postgres=given.postgres)
        began = time.monotonic()
        _fill(given.conversations, given.turns, given.people)
        print(
            f"{prog}{'postgres' if given.postgres else 'sqlite'}: filled in {time.monotonic() - began:.0f} s"
        )
        took, blank = _measure(given.rounds)
    return _told(took, blank, strict=given.postgres)


def _set_up(folder: Path, stack: ExitStack, *, postgres: bool) -> None:
    from tests.support.postgres import Postgres
    from tests.support.valkey import Valkey

    valkey = stack.enter_context(Valkey())
    url = f"sqlite:///{folder / 'holdfast.sqlite3'}"
    if postgres:
        server = stack.enter_context(Postgres())
        server.execute("CREATE DATABASE million")
        url = server.url("million")
    os.environ.update(
        DJANGO_SECRET_KEY="only-for-measuring-" + "x" * 50,
        DJANGO_INSECURE_HTTP="1",
        DJANGO_ALLOWED_HOSTS="*",
        HOLDFAST_DATA=str(folder),
        DATABASE_URL=url,
        REDIS_URL=valkey.url,
        OPENAI_API_KEY="none",
        OPENAI_MODEL="none",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill(conversations: int, turns: int, people: int) -> None:
    """Conversations a minute apart, the newest now."""
    from bench import lived
    from bench.search import Speech

    now = time.time_ns() // 1_000_000
    lives = lived.Lives(Speech(random.Random(1)))
    lived.keep_settings(now)
    for start in range(0, conversations, large.BATCH):
        number = min(large.BATCH, conversations - start)
        size = large.Size(number, turns, max(1, people // 10))
        large.fill(size, now - (conversations - start - number) * large.APART_MS, start, lives)
    large.analyze()


def _measure(rounds: int) -> tuple[Took, set[str]]:
    """What pages took, and those that showed nothing of what they are for."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from chat.models import Event

    print(f"{Event.objects.count():,} events")
    people = get_user_model().objects
    root = people.filter(username="root").first() or people.create_superuser("root", password=None)
    client = Client(raise_request_exception=True)
    client.force_login(root)
    took: Took = {}
    blank: set[str] = set()
    for name, addresses in (_lists(client) | _of_conversations() | _searches()).items():
        times, most = [], 0
        for address in addresses * rounds:
            connection.queries_log.clear()  # it takes 9,000 statements, and counts none beyond
            with CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                answer: Any = client.get(address)
                times.append(time.perf_counter() - began)
            if answer.status_code == 302 and address.count("?") and not times[-1] > LIMIT_S:
                answer = client.get(answer["Location"])  # a filter that is written in another way
            assert answer.status_code == 200, (address, answer.status_code, answer.get("Location"))
            if answer.streaming:  # an export is over when all of it has come
                assert len(b"".join(answer.streaming_content)) > 1_000
                times[-1] = time.perf_counter() - began
            elif wanted := next((text for part, text in SAYS.items() if part in name), ""):
                if wanted not in answer.content.decode():
                    print(f"NOTHING TO SEE on {name}: {address}")
                    blank.add(name)
            most = max(most, len(captured))
        took[name] = times, most
        if max(times) > LIMIT_S:
            print(f"over {LIMIT_S} s: {name}: {max(times):.2f} s", flush=True)
    return took, blank


def _lists(client: Any) -> Pages:
    """The first page, each filter and each order of every list that the admin has."""
    from django.contrib import admin
    from django.urls import reverse

    found: Pages = {"overview": [reverse("admin:overview")], "index": [reverse("admin:index")]}
    for model in admin.site._registry:
        label = f"{model._meta.app_label}.{model._meta.model_name}"
        address = reverse(f"admin:{label.replace('.', '_')}_changelist")
        found[label] = [address]
        shown = client.get(address).context_data
        if shown is None or "cl" not in shown:
            continue
        changes = shown["cl"]
        for spec in changes.filter_specs:
            for choice in list(spec.choices(changes))[1:12]:
                query = choice.get("query_string", "")
                if query.strip("?"):
                    found[f"{label}, {spec.title}: {choice.get('display')}"] = [address + query]
        for place in range(1, len(changes.list_display)):
            found[f"{label}, order {place}"] = [f"{address}?o=-{place}"]
    return found


def _sample() -> list[Any]:
    """Conversations, old and new, evenly."""
    from chat.models import Conversation

    keys = list(Conversation.objects.order_by("updated_at").values_list("pk", flat=True))
    return keys[:: max(1, len(keys) // OF)][:OF]


def _of_conversations() -> Pages:
    from chat.models import Conversation

    long = Conversation.objects.order_by("-head_seq").values_list("pk", flat=True)[:LONG]
    return _pages_of("", _sample()) | _pages_of("a long ", long)


def _pages_of(kind: str, keys: Iterable[Any]) -> Pages:
    """The pages of these conversations."""
    from chat.models import Conversation, Run, Step

    found: Pages = {}
    for key in keys:
        page = f"/admin/chat/conversation/{key}"
        head = Conversation.objects.values_list("head_seq", flat=True).get(pk=key)
        step = Step.objects.filter(conversation_id=key).order_by("-seq").values_list("seq", flat=True).first()
        run = Run.objects.filter(conversation_id=key).order_by("-seq").values_list("pk", flat=True).first()
        of = f"?conversation__id__exact={key}"
        for name, address in {
            "conversation, with its waterfalls": f"{page}/change/",
            "conversation, as it was in the middle": f"{page}/at/{max(1, head // 2)}/",
            "conversation, two moments compared": f"{page}/at/{head}/?other={head // 2}",
            "conversation, what the model was sent last": f"{page}/request/{step}/",
            "conversation, Redis beside SQL": f"{page}/redis/",
            "conversation, exported": f"{page}/export.json",
            "conversation's events": f"/admin/chat/event/{of}",
            "conversation's runs": f"/admin/chat/run/{of}",
            "conversation's calls": f"/admin/chat/call/{of}",
            "conversation's last run with its waterfall": f"/admin/chat/run/{run}/change/",
        }.items():
            found.setdefault(kind + name, []).append(address)
    return found


def _searches() -> Pages:
    """What an operator looks for in the list of conversations."""
    from urllib.parse import quote

    from chat.models import Call, Conversation, Fault, Message, Run, Step

    at = Conversation.objects.count() // 2
    call: Any = Call.objects.filter(status="succeeded").order_by("pk")[at // 4]
    fault: Any = Fault.objects.order_by("pk")[at // 100]
    message: Any = Message.objects.order_by("pk")[at // 2]
    said = str(message.body["text"])
    words: dict[str, str] = {
        "an id of a call": call.call,
        "a provider's id": call.provider_id,
        "an id of a run": str(Run.objects.order_by("pk")[at].run),
        "an id of a step": str(Step.objects.order_by("pk")[at].step),
        "an id of a message": str(message.message),
        "an id of a conversation": str(Conversation.objects.order_by("pk")[at].pk),
        "a pasted error": f"Error code: 400 - {{'error': {{'message': \"{fault.text}\"}}}}",
        "the words of an error": "output with call_id",
        "a refused request's digest": fault.digest,
        "a person": "person-7",
        "a title": f"About {at}",
        "the most frequent word": "the",
        "a word of some message": max(said.split(), key=len)[:20],
        "a whole message": said[:80],
        "what a tool gave": call.result.split(":")[0],
        "a part of a number that a tool gave": call.result.split(":")[0][-6:],
        "a word that nobody has said": "xylophone-in-nothing",
        "two frequent words": "the and",
        "a frequent and a rare word": "the xylophone-in-nothing",
        "Chinese": "我们",
    }
    return {f"search: {name}": [f"/admin/chat/conversation/?q={quote(text)}"] for name, text in words.items()}


def _ordered(took: Took) -> Iterator[tuple[float, float, int, str]]:
    for name, (times, statements) in took.items():
        ordered = sorted(times)
        yield (
            ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
            ordered[len(ordered) // 2],
            statements,
            name,
        )


def _told(took: Took, blank: set[str], *, strict: bool) -> int:
    rows = sorted(_ordered(took), reverse=True)
    print(f"{len(rows)} pages; the slowest:\n| page | p50 | p95 | SQL |\n|---|---|---|---|")
    for p95, p50, statements, name in rows[:SHOWN]:
        print(f"| {name} | {p50 * 1000:.0f} ms | {p95 * 1000:.0f} ms | {statements} |")
    many = [name for _, _, statements, name in rows if statements > MOST]
    slow = [name for p95, _, _, name in rows if p95 > LIMIT_S]
    print(f"{len(slow)} over {LIMIT_S} s; {len(many)} with more than {MOST} statements: {', '.join(many)}")
    return int(bool(blank or (strict and (slow or many))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
