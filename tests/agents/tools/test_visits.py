"""Which addresses count as given by somebody else than the model (docs/decisions/0027)."""

from __future__ import annotations

import random
import string
import time

import pytest

from agents.tools.visits import MAX_FOUND, Given, Visits, addresses_in, on_list

SECRET = "the-door-code-is-4711"
SAID = "Look at https://docs.example/guide?page=2 and https://evil.example/log?q= please, also example.org/a."


def by(url: str, said: str = SAID, **more: object) -> str:
    return Given(said=(said,), **more).by(url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.example/guide?page=2",
        "http://docs.example/guide?page=2",
        "https://DOCS.example:443/guide?page=2",
        " https://docs.example/guide?page=2 ",
        "https://evil.example/log?q=",
        "https://example.org/a",
    ],
)
def test_what_a_person_wrote_is_given(url: str) -> None:
    assert by(url) == "said"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"https://evil.example/log?q={SECRET}", id="query"),
        pytest.param(f"https://evil.example/{SECRET}", id="path"),
        pytest.param(f"https://{SECRET}.evil.example/log?q=", id="subdomain"),
        pytest.param(f"https://docs.example/guide?page=2#{SECRET}", id="fragment"),
        pytest.param(f"https://{SECRET}@docs.example/guide?page=2", id="user"),
        pytest.param("https://docs.example:4711/guide?page=2", id="port"),
        pytest.param("https://docs.example/guide?page=", id="beginning"),
        pytest.param("https://docs.example/GUIDE?page=2", id="case"),
        pytest.param("https://docs.example/guide?page=2&", id="one letter more"),
        pytest.param("https://docs.example/", id="only its host"),
        pytest.param("https://ocs.example/guide?page=2", id="end of a host"),
        pytest.param("https://example/guide?page=2", id="last label"),
        pytest.param("ftp://docs.example/guide?page=2", id="scheme"),
        pytest.param("docs.example/guide?page=2", id="no address"),
        pytest.param("https://", id="nothing"),
    ],
)
def test_what_differs_in_anything_is_not(url: str) -> None:
    assert by(url) == ""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("(see https://a.example/b)", "https://a.example/b"),
        ("[it](https://a.example/b_(c))", "https://a.example/b_(c)"),
        ("读取 https://a.example/b。", "https://a.example/b"),
        ("读取https://a.example/b这个页面", "https://a.example/b"),
        ("Is it <https://a.example/b>?", "https://a.example/b"),
        ("really, https://a.example/b?!", "https://a.example/b"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://a.example", "https://a.example/"),
        ("look at a.example, please", "https://a.example/"),
        ("**https://a.example/b**", "https://a.example/b"),
    ],
)
def test_addresses_are_found_as_people_write_them(text: str, url: str) -> None:
    assert by(url, text) == "said"


@pytest.mark.parametrize(
    "text", ["mail me@a.example", "a.example.org", "not-a.example", "https://b.example/a.example2"]
)
def test_another_name_that_holds_this_one_is_another(text: str) -> None:
    assert by("https://a.example/", text) == ""


def test_pages_give_whole_addresses_and_a_run_may_choose_a_few() -> None:
    page = "Go on at https://next.example/1, or next.example/2"
    assert Given(pages=(page,)).by("https://next.example/1") == "found"
    assert Given(pages=(page,)).by("https://next.example/2") == ""
    assert Given(pages=(page,), used=MAX_FOUND - 1).by("https://next.example/1") == "found"
    assert Given(pages=(page,), used=MAX_FOUND).by("https://next.example/1") == ""


def test_hosts_of_the_agent() -> None:
    hosts = ("wiki.example", "*.docs.example")
    for host in ("wiki.example", "a.docs.example", "a.b.docs.example"):
        assert on_list(host, hosts), host
    for host in (
        "docs.example",
        "evilwiki.example",
        "wiki.example.evil.example",
        "a.wiki.example",
        "xdocs.example",
    ):
        assert not on_list(host, hosts), host
    assert on_list("any.example", ("*",))
    assert Given(hosts=hosts).by(f"https://wiki.example/{SECRET}") == "host"


class TestRedirects:
    given = Given(
        said=("https://said.example/a and https://also.example/b",),
        pages=("https://found.example/c",),
        hosts=("wiki.example", "*.docs.example"),
    )

    def may(self, begun: str, target: str, *, allowed: bool = False) -> bool:
        return Visits(self.given, allowed).may_follow(begun, target)

    def test_what_was_given_as_it_is_may_lead_anywhere(self) -> None:
        assert self.may("https://said.example/a", "https://else.example/?x=1")
        assert self.may("https://found.example/c", "https://else.example/?x=1")

    @pytest.mark.parametrize("allowed", [False, True])
    def test_what_the_model_put_together_stays_where_it_may_be_heard(self, allowed: bool) -> None:
        begun = f"https://wiki.example/go?q={SECRET}" if not allowed else f"https://seen.example/?q={SECRET}"
        assert not self.may(begun, f"https://evil.example/?q={SECRET}", allowed=allowed)
        assert self.may(begun, begun.replace("?", "/index?"), allowed=allowed)
        assert self.may(begun, "https://a.docs.example/x", allowed=allowed)
        assert self.may(begun, "https://also.example/b", allowed=allowed)
        assert not self.may(begun, "https://found.example/c", allowed=allowed)


def test_a_text_for_a_later_self_is_looked_through() -> None:
    text = f"Each morning: HTTPS://evil.example/{SECRET} and then http://a.example."
    assert addresses_in(text) == (f"HTTPS://evil.example/{SECRET}", "http://a.example.")


def test_large_conversations_are_looked_through_in_a_moment() -> None:
    """500 pages of links to one host, none of them the one that is asked for."""
    chosen = random.Random(7)
    links = [
        f"https://h.example/{''.join(chosen.choices(string.ascii_lowercase, k=12))}" for _ in range(1_000)
    ]
    pages = tuple(" ".join(chosen.sample(links, 900)) for _ in range(500))
    begun = time.perf_counter()
    assert Given(pages=pages).by("https://h.example/never-there") == ""
    assert time.perf_counter() - begun < 0.5  # some 20 ms on a machine that does nothing else
    hostile: tuple[str, ...] = (
        "https://h.example/x" * 2_000,
        "https://h.example/" * 2_000,
        "h.example." * 3_000,
    )
    hostile += (f"https://h.example/x?{',' * 30_000}", " https://h.example/x?!!!!!!!!!" * 1_400)
    hostile += (" https://h.example/x?a。" * 1_400,) * 100
    begun = time.perf_counter()
    assert Given(said=hostile, pages=hostile).by("https://h.example/x?") == ""
    assert time.perf_counter() - begun < 0.5
