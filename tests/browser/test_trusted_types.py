"""Trusted Types in a real Chromium: text becomes markup by our policies alone, and everything works (rule W11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.chat import Chat
from tests.browser.models import agent_saying, choose
from tests.support.processes import Stack
from tests.support.waiting import wait_until

#: What a script that got into a page would try; what came of each.
TRY = """() => {
  const place = document.createElement("div");
  const attempt = (what) => { try { what(); return "done"; } catch (error) { return error.name; } };
  const hostile = "<img src=x onerror=\\"window.ran = true\\">";
  return {
    markup: attempt(() => { place.innerHTML = hostile; }),
    outer: attempt(() => { document.body.appendChild(place).outerHTML = hostile; }),
    inserted: attempt(() => place.insertAdjacentHTML("beforeend", hostile)),
    parsed: attempt(() => new DOMParser().parseFromString(hostile, "text/html")),
    fragment: attempt(() => document.createRange().createContextualFragment(hostile)),
    frame: attempt(() => { document.createElement("iframe").srcdoc = hostile; }),
    script: attempt(() => { document.createElement("script").src = "/static/holdfast/x.js"; }),
    code: attempt(() => { document.createElement("script").text = "window.ran = true"; }),
    worker: attempt(() => new Worker("/static/holdfast/x.js")),
    own: attempt(() => trustedTypes.createPolicy("mine", { createHTML: (text) => text })),
    default: attempt(() => trustedTypes.createPolicy("default", { createHTML: (text) => text })),
    again: attempt(() => trustedTypes.createPolicy("holdfast-entities", { createHTML: (text) => text })),
    ran: window.ran === true,
  };
}"""

#: Complaints about it in the browser's console, at least.
REFUSED = 12

ANSWER = r"""Costs &copy; 5 &euro;, &notit; &nothing; &lt;b&gt;, A&#x42;C.

\[ \left( \begin{matrix} a & b \\ \textcolor{red}{c} & \sqrt[3]{d} \end{matrix} \right) \]

```python
def f(a: str) -> int:
    return len("<b>" + a)  # counts
```

- [x] done

<img src=x onerror="window.ran = true">
"""


def tried(chat: Chat) -> None:
    """Nothing is possible on this page, on which nothing was refused before."""
    assert chat.problems == []
    refused(chat.page.evaluate(TRY))
    # What a page complains of is heard while it is asked something.
    told = lambda: chat.page.evaluate("1") and len(chat.problems) >= REFUSED  # noqa: E731
    wait_until(told, 10, "the browser to complain of what was tried")
    chat.problems.clear()


def refused(told: dict[str, Any], **others: str) -> None:
    """Nothing of what was tried was done."""
    done = {name for name, what in told.items() if what == "done" and name not in others}
    assert done == set() and told["ran"] is False, told


def test_W11_an_answer_is_drawn_and_no_script_makes_markup_of_text(visit: Any, house: Stack) -> None:
    chat: Chat = visit()
    with agent_saying(house, "typesetter", lambda said: ANSWER):
        choose(chat, "typesetter")
        chat.begin_here("show me")
        chat.wait_until_done()
    step = chat.hook("step-text").last
    expect(step).to_contain_text("Costs © 5 €, &notit; &nothing; <b>, ABC.")
    expect(step.locator("math[display=block] mtable")).to_be_visible()
    expect(step.locator("pre .hljs-keyword").first).to_have_text("def")
    expect(step.locator("input[type=checkbox]")).to_be_checked()
    expect(step).to_contain_text('onerror="window.ran = true"')
    tried(chat)


@pytest.mark.exhaustive
def test_W11_dialogs_palette_timeline_and_results_work(visit: Any) -> None:
    chat: Chat = visit()
    chat.begin("What time is it in Paris, and what is 12 * 34?")
    chat.wait_until_done()
    chat.hook("call-toggle").first.click()
    expect(chat.hook("call-result").first).to_be_visible()
    chat.page.keyboard.press("Control+k")
    expect(chat.hook("palette-input")).to_be_visible()
    chat.page.keyboard.press("Escape")
    chat.hook("open-schedules").click()
    chat.hook("schedule-new").click()
    expect(chat.hook("schedule-form")).to_be_visible()


@pytest.mark.parametrize("address", ["/accounts/login/", "/nowhere"])
def test_W11_pages_without_scripts_allow_none(visit: Any, address: str) -> None:
    chat: Chat = visit()
    chat.page.context.clear_cookies()
    chat.page.goto(f"{chat.address}{address}")
    tried(chat)


def is_fault(said: ConsoleMessage) -> bool:
    """Whether a page complains of more than a file that is not there, as of a language that Select2 does not have."""
    return said.type == "error" and "Failed to load resource" not in said.text


@pytest.fixture
def problems() -> list[str]:
    """Script errors, and what broke a policy. At the end there may be none."""
    return []


@pytest.fixture
def admin(browser: Browser, house: Stack, problems: list[str]) -> Iterator[Page]:
    """The admin, with an administrator logged in."""
    code = (
        "from django.contrib.auth import get_user_model as g; U = g()\n"
        "u, _ = U.objects.get_or_create(username='typist', defaults=dict(is_staff=True, is_superuser=True))\n"
        "u.set_password('typist-password'); u.save()"
    )
    house.manage("shell", "-c", code)
    context = browser.new_context()
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda said: problems.append(said.text) if is_fault(said) else None)
    page.goto(f"{house.address}/admin/login/?next=/admin/")
    page.fill("input[name=username]", "typist")
    page.fill("input[name=password]", "typist-password")
    page.click("input[type=submit], button[type=submit]")
    page.wait_for_url(re.compile("/admin/$"))
    yield page
    context.close()
    assert problems == []


def test_W11_the_admins_scripts_work(admin: Page, house: Stack) -> None:
    # jQuery: a further row of a form, and a slug that follows the name.
    admin.goto(f"{house.address}/admin/agents/agent/add/")
    admin.fill("#id_name", "Type Setter")
    admin.keyboard.press("Tab")
    expect(admin.locator("#id_slug")).to_have_value("type-setter")
    rows = admin.locator("tr.form-row.dynamic-fallbacks, tr.dynamic-fallbacks")
    before = rows.count()
    admin.locator("tr.add-row a").first.click()
    expect(rows).to_have_count(before + 1)
    rows.last.locator("a.inline-deletelink").click()
    expect(rows).to_have_count(before)
    # Select2: a person is looked for.
    admin.goto(f"{house.address}/admin/schedules/schedule/add/")
    admin.locator(".field-owner .select2-selection").click()
    admin.locator(".select2-search__field").fill("ali")
    admin.locator(".select2-results__option", has_text="alice").click()
    expect(admin.locator(".field-owner .select2-selection__rendered")).to_contain_text("alice")
    # Two lists, of which one fills the other; and the calendar.
    admin.goto(f"{house.address}/admin/auth/user/")
    admin.get_by_role("link", name="bob").click()
    admin.locator("#id_user_permissions_from option").first.click()
    admin.locator("#id_user_permissions_add, #id_user_permissions_add_link").first.click()
    expect(admin.locator("#id_user_permissions_to option")).to_have_count(1)
    admin.locator("#calendarlink0").click()
    expect(admin.locator("#calendarbox0")).to_be_visible()
    admin.goto(f"{house.address}/admin/agents/agent/")
    admin.locator("#action-toggle").click()
    expect(admin.locator("#result_list tbody input[type=checkbox]").first).to_be_checked()


def test_W11_the_admins_policy_lets_nothing_run(admin: Page, house: Stack, problems: list[str]) -> None:
    admin.goto(f"{house.address}/admin/agents/agent/add/")
    assert problems == []
    refused(admin.evaluate(TRY))
    passed = admin.evaluate(
        """(texts) => texts.map((text) => {
          try { document.createElement("div").innerHTML = text; return "done"; } catch (error) { return error.name; }
        })""",
        [
            '<span class="a" aria-hidden="true">5 &gt; 4</span>',
            "<a href='#' id=x>more</a>",
            "",
            "<a href='javascript:alert(1)'>x</a>",
            "<a href=javascript:alert(1)>x</a>",
            "<div onclick='alert(1)'>x</div>",
            "<div class='a'onclick='alert(1)'>x</div>",
            "<div/onclick=alert(1)>x</div>",
            "<svg><script>alert(1)</script></svg>",
            "<img src=x>",
            "<textarea></textarea><script>alert(1)</script>",
            "<!-- a -->",
            "<style>*{}</style>",
            "<div style='color:red'>x</div>",
            "<form action='https://evil.example'>",
            "<b <script>alert(1)</script>",
        ],
    )
    assert passed == ["done"] * 3 + ["TypeError"] * 13
    admin.close()
    problems.clear()
