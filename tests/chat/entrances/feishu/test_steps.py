"""docs/feishu.md, steps 3 to 8, against the fake server: from an empty installation to an answer."""

import json
from pathlib import Path

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from chat.entrances.feishu.models import FeishuApp
from tests.support.feishu_events import encrypt

PAGE = Path(__file__).resolve().parents[4] / "docs" / "feishu.md"


async def test_the_page_leads_to_a_bot_that_answers(house, charlie):
    page = PAGE.read_text()
    for said in ("/feishu/bot/events", "im.message.receive_v1", "card.action.trigger", "cardkit:card:write"):
        assert said in page
    await FeishuApp.objects.all().adelete()  # nothing is there yet
    await house.client.aforce_login(charlie)

    # 3. A user for the bot.
    password = {
        "usable_password": "true",
        "password1": "a-long-random-text-9",
        "password2": "a-long-random-text-9",
    }
    await house.client.post("/admin/auth/user/add/", {"username": "bot-user", **password})
    owner = await get_user_model().objects.aget(username="bot-user")

    # 4 and 5. What the console shows goes into the admin.
    answer = await house.client.post(
        "/admin/feishu/feishuapp/add/",
        {
            "name": "Bot",
            "slug": "bot",
            "app_id": house.feishu.app_id,
            "secret": house.feishu.secret,
            "encrypt_key": "any long random text",
            "verification_token": "token-1",
            "base_url": house.feishu.url,
            "owner": owner.pk,
            "private_policy": "everyone",
            "group_policy": "everyone",
            "documents": "nobody",
            "mention_only": "on",
            "enabled": "on",
        },
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    house.app = await FeishuApp.objects.aget()
    await house.client.alogout()

    # 6. The console asks the address.
    ask = {"type": "url_verification", "token": "token-1", "challenge": "are you there"}
    sealed = json.dumps({"encrypt": encrypt("any long random text", json.dumps(ask).encode())})
    answer = await house.client.post("/feishu/bot/events", sealed, content_type="application/json")
    assert answer.json() == {"challenge": "are you there"}

    # 7 and 8. Somebody writes to the bot.
    await house.say("hello")
    await house.answered("Hello!")
    assert await sync_to_async(str)(house.app) == "Bot"
