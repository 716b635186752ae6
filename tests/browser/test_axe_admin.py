"""axe finds nothing serious on any page of the admin, light and dark, in both languages.
The pages are found by following links from the first one, one page of each kind. Each is looked at three times: in
English by all rules, light or dark; then, as it stands there, in the other of the two by the rules about colours; and
in Chinese, on a phone, by those about names and languages: what else a page has does not depend on the language.
`make test-long` does it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat import Chat
from tests.browser.test_axe import AXE
from tests.support.processes import Stack

#: Pages of Django's that differ by names alone: the list of an app, and the history of a row.
ALIKE = re.compile(r"(?<=^/admin/)\w+(?=/$)|(?<=^/admin/)\w+/\w+(?=/N/history/$)")
APART = ("/admin/overview/", "/admin/keys/", "/admin/retention/", "/admin/password_change/")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d+")
#: What is no page, or ends the visit.
PASSED_OVER = ("/logout/", "/jsi18n/", "/export.", "/file/", "/autocomplete/")
#: Pages of each of these kinds must have been seen, so that a walk which finds nothing fails.
WANTED = (
    *(
        "/admin/",
        "/admin/overview/",
        "/admin/chat/conversation/",
    ),
    *(
        "/admin/chat/conversation/N/change/",
        "/admin/chat/conversation/N/request/N/",
        "/admin/chat/run/N/compare/",
    ),
    *("/admin/chat/conversation/N/at/N/", "/admin/chat/conversation/N/redis/", "/admin/chat/run/N/change/"),
    *("/admin/chat/conversation/N/request/N/replay/", "/admin/chat/conversation/N/replay/N/"),
    *("/admin/agents/agent/N/change/", "/admin/auth/user/N/change/"),
)
#: The head and the sidebar are the same everywhere, and half of most pages: they are looked at on these pages.
WHOLE = ("/admin/", "/admin/chat/conversation/")
COLOURS = ["color-contrast", "link-in-text-block"]
#: Without what it preloads: it asks the page for inline styles then, which the policy refuses. A running transition
#: would be measured half-way.
LOOK = """async ([whole, only]) => {
  document.getAnimations().forEach((one) => one.finish());
  const where = whole ? document : { exclude: ["#header", "#nav-sidebar"] };
  const grave = axe._audit.rules.filter((one) => one.enabled && ["serious", "critical"].includes(one.impact));
  const runOnly = only ?? grave.map((one) => one.id);
  return (await axe.run(where, { preload: false, resultTypes: ["violations"], runOnly })).violations;
}"""
ONLY_WORDS = ["cat.name-role-value", "cat.text-alternatives", "cat.language", "cat.forms"]


def serious(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds that keeps somebody from a page, a line for each element: by all rules that can, or by these."""
    whole = urlsplit(page.url).path in WHOLE
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:240]}"
        for one in page.evaluate(LOOK, [whole, rules])
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


class Lights:
    """The colour scheme of a page, light at first."""

    def __init__(self, page: Page) -> None:
        self.page, self.scheme = page, "light"

    def both(self) -> list[str]:
        """What axe finds on the page as it is, and of its colours in the other scheme, which stays."""
        found = [f"{self.scheme}: {one}" for one in serious(self.page)]
        self.scheme = "light" if self.scheme == "dark" else "dark"
        self.page.emulate_media(color_scheme=self.scheme)  # type: ignore[arg-type]
        return found + [f"{self.scheme}: {one}" for one in serious(self.page, COLOURS)]


def kind(address: str) -> str:
    path = ID.sub("N", urlsplit(address).path)
    return path if path in APART else ALIKE.sub("APP", path)


def walk(page: Page, start: str) -> tuple[dict[str, str], list[str]]:
    """Every kind of page that can be reached: the address of the one that was looked at, and what was found."""
    queue, seen, found, lights = deque([start]), {kind(start): start}, list[str](), Lights(page)
    while queue:
        address = queue.popleft()
        response = page.goto(address)
        assert response is not None and response.status < 500, address
        if response.status != 200 or "html" not in response.headers.get("content-type", ""):
            del seen[kind(address)]
            continue
        found += lights.both()
        for link in page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)"):
            link = link.partition("#")[0]
            inside = urlsplit(link).netloc == urlsplit(start).netloc and urlsplit(link).path.startswith(
                "/admin/"
            )
            if inside and kind(link) not in seen and not any(part in link for part in PASSED_OVER):
                seen[kind(link)] = link
                queue.append(link)
    return seen, found


@pytest.fixture
def page(browser: Browser, house: Stack) -> Iterator[Page]:
    """The admin's first page, with an administrator logged in; axe is on every page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    context.add_init_script(path=AXE)
    chat = Chat(context.new_page(), house.address)
    chat.log_in("charlie")
    chat.page.goto(f"{chat.address}/admin/")
    yield chat.page
    context.close()
    assert chat.problems == []


@pytest.mark.exhaustive
def test_axe_finds_nothing_serious_in_the_admin(visit: Any, page: Page, house: Stack) -> None:
    admin = page.url
    alice: Chat = visit("alice")
    alice.begin_here("What time is it in Paris, and what is 12 * 34?")
    alice.wait_until_done()
    alice.say("remember that my cat is called Miu")
    alice.wait_until_done()
    replay(page, house)
    seen, found = walk(page, admin)
    print(f"{len(seen)} kinds of pages")
    assert set(WANTED) <= set(seen), sorted(set(WANTED) - set(seen))
    found += chosen(page, f"{admin}chat/conversation/")
    page.set_extra_http_headers({"Accept-Language": "zh-CN"})
    page.set_viewport_size({"width": 390, "height": 800})
    for address in seen.values():
        page.goto(address)
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            found.append(f"{address} is {width} pixels wide on a phone")
        assert page.locator("html").get_attribute("lang") == "zh-hans", address
        found += serious(page, ONLY_WORDS)
    print(*found, sep="\n")
    assert found == []


@pytest.mark.exhaustive
def test_axe_finds_nothing_serious_in_what_scripts_build_when_somebody_clicks(page: Page) -> None:
    """The calendar and the clock, the list of Select2, and a further row of a form."""
    admin, found, lights = page.url, list[str](), Lights(page)
    page.goto(f"{admin}triggers/trigger/add/")
    until = page.get_by_role("group", name="Until (UTC)")
    expect(until.get_by_label("Date:")).to_be_visible()
    page.locator("#calendarlink0").click()
    title = page.locator("#calendarbox0 caption")
    before = title.text_content() or ""
    page.locator("#calendarbox0 .calendarnav-next").click()
    expect(page.get_by_role("link", name=before, exact=True)).to_have_class("calendarnav-previous")
    found += lights.both()
    page.locator("#calendarbox0 .calendar-cancel a").click()
    page.locator("#clocklink0").click()
    expect(page.locator("#clockbox0")).to_be_visible()
    found += lights.both()
    page.locator("#clockbox0 .calendar-cancel a").click()
    owner = page.get_by_role("combobox", name="Owner")
    owner.click()
    page.get_by_role("searchbox", name="Owner").fill("ali")
    page.locator(".select2-results__option", has_text="alice").wait_for()
    found += lights.both()
    page.locator(".select2-results__option", has_text="alice").click()
    expect(page.get_by_role("combobox", name="Owner: alice")).to_be_visible()
    page.goto(f"{admin}agents/agent/add/")
    page.locator("tr.add-row a").first.click()
    expect(page.locator("tr.dynamic-fallbacks").get_by_role("combobox", name="Model")).to_be_visible()
    found += lights.both()
    assert found == []


def chosen(page: Page, address: str) -> list[str]:
    """What axe finds where no link leads: rows are marked in a list, and the page that asks before they are deleted."""
    lights = Lights(page)
    page.emulate_media(color_scheme="light")
    page.goto(address)
    page.locator("#result_list .action-select").first.check()
    page.locator("select[name=action]").select_option("erase")
    box = page.locator("#result_list").bounding_box()
    assert box is not None and box["x"] + box["width"] <= 1280, "a column is cut off"
    found = lights.both()
    page.locator("#changelist-form button[name=index]").click()
    expect(page.get_by_role("button", name="Delete them for good")).to_be_visible()
    return found + lights.both()


def replay(page: Page, house: Stack) -> None:
    """Have the newest request sent again; the page shows both answers when it is done."""
    conversation, seq = house.sql(
        "select conversation_id, seq from chat_event where type = 'step.started' order by id desc limit 1"
    )[0]
    page.goto(f"{house.address}/admin/chat/conversation/{UUID(conversation)}/request/{seq}/replay/")
    page.locator(".submit-row input[type=submit]").click()
    expect(page.locator(".hf-is-done")).to_be_visible(timeout=60_000)
    expect(page.locator(".hf-side")).to_have_count(2)
