"""The pictures of docs/feishu.md, a part of `make shots`: our admin, the web chat, and what Feishu was sent.

The real product against the fake Feishu of the tests. Nothing of Feishu's console is shown, because we have none here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from scripts.feishu_chat import page as drawn
from tests.browser.chat import Chat
from tests.support.feishu_bot import Bot
from tests.support.feishu_server import FeishuServer
from tests.support.processes import Stack

#: Saves the picture of a page under a name.
Save = Callable[[Page, str], None]

OWNER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("feishu-bot")
"""
LINK = """
from django.contrib.auth import get_user_model
from chat.entrances.feishu.models import FeishuApp, FeishuUser
users = get_user_model().objects
app = FeishuApp.objects.get()
app.owner = users.get(username="feishu-bot")
app.save()
FeishuUser.objects.create(app=app, open_id="ou_alice", name="Alice Berg", user=users.get(username="alice"))
"""


def take_feishu(browser: Browser, stack: Stack, save: Save) -> None:
    """All pictures. The stack must run, with one worker labelled `worker`."""
    with FeishuServer() as feishu:
        stack.manage("shell", "-v", "0", "-c", OWNER)
        admin = _visit(browser, stack, "charlie", width=1000, height=1040)
        _form(admin, feishu, save)
        bot = Bot.join(stack, feishu)
        stack.manage("shell", "-v", "0", "-c", LINK)
        _live(browser, bot, save)
        _cards(browser, bot, save)
        _dead_letter(admin, bot, save)
        admin.page.context.close()


def _form(admin: Chat, feishu: FeishuServer, save: Save) -> None:
    """Step 5: the form for the app, filled in."""
    page = admin.page
    page.goto(f"{admin.address}/admin/feishu/feishuapp/add/")
    page.fill("#id_name", "Holdfast")
    page.fill("#id_app_id", "cli_a1b2c3d4e5f6")
    for name in ("secret", "encrypt_key", "verification_token"):
        page.fill(f"#id_{name}", "x" * 24)
    page.fill("#id_slug", "bot")  # last: the form proposes one made from the name
    page.click(".field-owner .select2-selection")
    page.fill(".select2-search__field", "feishu")
    page.locator(".select2-results__option", has_text="feishu-bot").click()
    save(page, "feishu-app.png")


def _live(browser: Browser, bot: Bot, save: Save) -> None:
    """One conversation on both sides at the same moment."""
    chat = _visit(browser, bot.stack, "alice", width=760)
    text = "Research the history of lighthouses for 9 seconds"
    said = {bot.say(text, "oc_alice"): text}
    bot.until(lambda: bot.feishu.cards_of("oc_alice"), 20, "the card")
    conversation = bot.until(lambda: bot.conversation("oc_alice"), 20, "the conversation")
    chat.page.goto(f"{chat.address}/c/{conversation}")
    expect(chat.hook("call", status="running")).to_be_visible()
    bot.until(lambda: "⏳" in bot.feishu.cards_of("oc_alice")[-1].text(), 20, "the tool on the card")
    chat.page.wait_for_timeout(3_000)
    web = base64.b64encode(chat.page.screenshot()).decode()
    page = _drawing(browser, drawn(bot.feishu, "oc_alice", said, "Feishu: private chat of Alice Berg"), 480)
    feishu = base64.b64encode(page.screenshot()).decode()
    both = "".join(
        f'<img style="display:inline-block" src="data:image/png;base64,{one}">' for one in (web, feishu)
    )
    page.set_viewport_size({"width": 1250, "height": 760})
    page.set_content(f'<body style="margin:0;display:flex;gap:10px;background:#fff">{both}</body>')
    save(page, "feishu-live.png")
    page.context.close()
    chat.wait_until_done(60)
    bot.until(lambda: bot.answers("oc_alice"), 30, "the answer")
    chat.page.context.close()


def _cards(browser: Browser, bot: Bot, save: Save) -> None:
    """A card at work, one at rest, and an answer."""
    said = {}
    for text in ("What time is it in Paris, and what is 12 * 34?", "Research tea for 8 seconds"):
        had = len(bot.answers("oc_shot"))
        said[bot.say(text, "oc_shot", sender="ou_alice")] = text
        if not had:
            bot.until(lambda: bot.answers("oc_shot"), 60, "an answer")
    bot.until(lambda: "⏳" in bot.feishu.cards_of("oc_shot")[-1].text(), 30, "a tool at work")
    page = _drawing(browser, drawn(bot.feishu, "oc_shot", said, "Feishu: private chat"), 480)
    page.set_viewport_size({"width": 480, "height": 640})
    save(page, "feishu-cards.png")
    page.context.close()
    bot.until(lambda: len(bot.answers("oc_shot")) == 2, 60, "the other answer")


def _dead_letter(admin: Chat, bot: Bot, save: Save) -> None:
    """People, and a message that could not be delivered."""
    bot.feishu.gone.add("oc_gone")
    bot.say("What is 6*7?", "oc_gone", sender="ou_bob")
    dead = "SELECT 1 FROM chat_feishudelivery WHERE state = 'dead'"
    bot.until(lambda: bot.stack.sql(dead), 60, "a dead letter")
    page = admin.page
    page.set_viewport_size({"width": 1000, "height": 420})
    page.goto(f"{admin.address}/admin/feishu/feishuuser/")
    save(page, "feishu-people.png")
    page.goto(f"{admin.address}/admin/feishu/feishudelivery/?state__exact=dead")
    page.check("#result_list input.action-select >> nth=0")
    page.select_option("select[name=action]", "resend")
    save(page, "feishu-dead-letters.png")


def _drawing(browser: Browser, content: str, width: int) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 760}).new_page()
    page.set_content(content)
    return page


def _visit(browser: Browser, stack: Stack, person: str, *, width: int, height: int = 760) -> Chat:
    own = browser.new_context(viewport={"width": width, "height": height})
    own.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
    own.set_default_timeout(20_000)
    chat = Chat(own.new_page(), stack.address)
    chat.log_in(person)
    return chat
