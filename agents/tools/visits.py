"""Which addresses a tool may ask without a person's word, so that nothing of a conversation leaves in an address.

A model that was talked into it by what it read could write a note into a path, a query, a host name or a fragment, and
have it fetched. So an address counts as given only if somebody else than the model wrote it, as it is:

    said     by a person who speaks here, or in the agent's prompt
    host     its host is on the agent's list (`AgentSpec.fetch_hosts`)
    found    on a page that a tool has read in this conversation; some of them per run, as choosing tells something, too
    ""       by nobody: a person is asked first

Pure: no address is looked up before this is decided. The decision and its limits: docs/decisions/0027.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import httpx

#: Who gave an address.
GivenBy = Literal["said", "host", "found", ""]
#: Addresses from pages that one run may ask for without a person's word. Each choice among the links of a page tells
#: its owner a few bits; so many choices spell no secret worth the name.
MAX_FOUND = 10
#: Readings of a conversation's texts that are compared with one address. Texts with more that come so near to it were
#: made to keep us busy; a person is asked then.
MAX_READINGS = 2_000
#: Characters of a reading, and signs at its end that may belong to the sentence.
MAX_LENGTH, MAX_SIGNS = 8_000, 6
#: What ends an address in a text, and what may follow it in a sentence without belonging to it.
_ENDS = r"\s<>\"'`|\\^{}"
_AFTER = ".,;:!?)]}*_~，。；：！？、）】》」』…"
_WHOLE = re.compile(rf"https?://[^{_ENDS}]*", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^\x21-\x7e]")
_CLOSING = re.compile(r"[)\]*]")


@dataclass(frozen=True, slots=True)
class Address:
    """What is asked: two spellings with the same are the same request. `port` is 0 for that of the scheme, which does
    not count: a person's http:// may be asked by https://."""

    host: str
    port: int
    target: str
    fragment: str = ""


def read(url: str) -> Address | None:
    """An address as it would be asked; None: it is none, and nobody gave it."""
    try:
        found = httpx.URL(url.strip())
        if found.scheme not in ("http", "https") or not found.host or found.userinfo:
            return None
        usual = {"http": 80, "https": 443}[found.scheme]
        port = 0 if found.port in (None, usual) else found.port
        return Address(found.raw_host.decode(), port, found.raw_path.decode(), found.fragment)
    except (httpx.InvalidURL, ValueError):
        return None


def addresses_in(text: str) -> tuple[str, ...]:
    """Every address that a text holds, as long as it could be."""
    return tuple(_WHOLE.findall(text))


@dataclass(slots=True)
class Budget:
    """How many readings may still be compared."""

    left: int


@dataclass(frozen=True, slots=True)
class Given:
    """All that others than the model have given in a conversation: texts of people and of the agent's settings, pages,
    and hosts; `used` is how many addresses of pages this run has asked for already. What people have `quoted` counts
    unless it is the agent's `own`: whoever answers a message of its in a messenger quotes it without a thought."""

    said: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    used: int = 0
    quoted: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    def by(self, url: str) -> GivenBy:
        """Who gave this address."""
        address = read(url)
        if address is None:
            return ""
        budget = Budget(MAX_READINGS)
        if any(holds(text, address, budget, bare=True) for text in self.said):
            return "said"
        if any(holds(text, address, budget, bare=True) for text in self.quoted) and not any(
            holds(text, address, budget, bare=True) for text in self.own
        ):
            return "said" if budget.left >= 0 else ""
        if on_list(address.host, self.hosts):
            return "host"
        if self.used < MAX_FOUND and any(holds(text, address, budget) for text in self.pages):
            return "found"
        return ""

    def all_given(self, urls: Iterable[str]) -> bool:
        """Whether each of these may be asked without a person's word."""
        return all(self.by(url) for url in urls)


@dataclass(frozen=True, slots=True)
class Visits:
    """Where one call may go. `allowed`: a person has seen its address, and allowed it."""

    given: Given = Given()
    allowed: bool = False

    def may_begin(self, url: str) -> bool:
        """Whether the call may ask for this address at all."""
        return self.allowed or bool(self.given.by(url))

    def may_follow(self, begun: str, target: str) -> bool:
        """Whether a redirect may be followed that the call came to from the address with which it was `begun`. One that
        was given as it is says nothing of the conversation, wherever it leads; one that the model has put together
        (a person allowed it, or its host) might, so it stays with hosts that may hear it."""
        if self.given.by(begun) in ("said", "found"):
            return True
        first, then = read(begun), read(target)
        if first is None or then is None:
            return False
        return first.host == then.host or self.given.by(target) in ("said", "host")


#: Nobody has given anything.
NOWHERE = Visits()


def on_list(host: str, hosts: Iterable[str]) -> bool:
    """Whether a host is on an agent's list: by its name, below `*.name`, or because all are (`*`)."""
    return any(
        one == "*" or host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts
    )


def holds(text: str, address: Address, budget: Budget, *, bare: bool = False) -> bool:
    """Whether a text has this very address, and not only one that begins like it. With `bare` people need not write
    the scheme. Uses up the budget, and says no when it is used up."""
    names = _names(address.host)
    # Most texts are done with here: a conversation may have hundreds of pages.
    known = text.casefold() if bare else text
    if not any(name in known for name in names):
        return False
    if address.target != "/" and address.target not in text and unquote(address.target) not in text:
        return False
    for found in _places(text, names, bare):
        for one in _readings(found):
            budget.left -= 1
            if budget.left < 0:
                return False
            if _same(one, address):
                return True
    return False


def _names(host: str) -> tuple[str, ...]:
    """How a host may be written: as it is asked for, and in its own letters."""
    own = httpx.URL(scheme="https", host=host, path="/").host
    return tuple(dict.fromkeys((host.casefold(), own.casefold())))


def _places(text: str, names: tuple[str, ...], bare: bool) -> Iterator[str]:
    """Where a text has the host: from there to where an address may end at the latest."""
    scheme = "(?:https?://)?" if bare else "https?://"
    host = "|".join(re.escape(name) for name in names)
    pattern = rf"(?<![A-Za-z0-9.@_-]){scheme}(?:{host})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])[^{_ENDS}]*"
    for found in re.finditer(pattern, text, re.IGNORECASE):
        yield found[0] if found[0][:4].casefold() == "http" and "://" in found[0] else f"https://{found[0]}"


def _readings(found: str) -> Iterator[str]:
    """Where an address may have ended: all of it, before a bracket or a letter of another script, and each without the
    punctuation of its sentence."""
    if len(found) > MAX_LENGTH:
        return
    ends = [len(found)]
    for pattern in (_CLOSING, _NOT_ASCII):
        if cut := pattern.search(found):
            ends.append(cut.start())
    for end in dict.fromkeys(ends):
        for signs in range(MAX_SIGNS + 1):
            one = found[: end - signs]
            yield one
            if not one or one[-1] not in _AFTER:
                break


def _same(found: str, address: Address) -> bool:
    other = read(found)
    if other is None:
        return False
    alike = (other.host, other.port, other.target) == (address.host, address.port, address.target)
    return alike and address.fragment in ("", other.fragment)
