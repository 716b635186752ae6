"""Looking at addresses: versions, failures, the guard, and what is not consumed."""

import pytest
from asgiref.sync import sync_to_async

from chat.entrances.triggers import addresses
from tests.chat.entrances.triggers.house import House

URL = "http://status.example/now"


async def look(house: House, value=None, seconds: float = 300) -> None:
    """One look at this value, and time until the next one."""
    if value is not None:
        house.site.value = value
    await house.settle()
    house.advance(seconds)


async def test_a_known_version_is_not_sent_again(house: House) -> None:
    house.site.versions = True
    trigger = await house.trigger(kind="poll", url=URL)
    for value in (1, 1, 1, 2, 2):
        await look(house, value)
    assert house.site.statuses == [200, 304, 304, 200, 304]
    assert await house.outcomes(trigger) == ["fired"]


async def test_on_match_fires_when_it_begins_and_when_it_returns(house: House) -> None:
    trigger = await house.trigger(
        kind="poll", url=URL, path="$.state", match="equals", pattern="down", prompt="{{ value }} {{ url }}"
    )
    for state in ("down", "down", "up", "down"):
        await look(house, {"state": state})
    assert await house.outcomes(trigger) == ["fired", "no_match", "fired"]
    assert await house.said() == [f"down {URL}"] * 2


async def test_it_is_not_looked_at_more_often_than_it_says(house: House) -> None:
    await house.trigger(kind="poll", url=URL, interval_s=600)
    house.site.value = 1
    for _ in range(5):
        await house.round()
        house.advance(200)
    assert len(house.site.requests) == 2


async def test_failures_are_visible_and_come_later_and_later(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL, path="$.a")
    house.site.status = 500
    for waits in (600, 1_200, 2_400):
        await house.settle()
        await trigger.arefresh_from_db()
        assert "500" in trigger.error
        assert trigger.next_at == house.now + waits * 1000
        house.advance(waits)
    house.site.status, house.site.value = 200, {"a": 1}
    await house.settle()
    await trigger.arefresh_from_db()
    assert (trigger.error, trigger.errors, trigger.seen_text) == ("", 0, "1")


async def test_what_is_no_json_is_an_error_only_where_a_path_is_given(house: House) -> None:
    house.site.kind = "text/plain"
    plain = await house.trigger(kind="poll", url=URL)
    path = await house.trigger(kind="poll", url=URL, path="$.a")
    await look(house, b"up\n")
    await look(house, b"down\n")
    await path.arefresh_from_db()
    assert "JSON" in path.error
    assert await house.outcomes(plain) == ["fired"] and await house.outcomes(path) == []


async def test_addresses_inside_the_network_are_never_asked(house: House) -> None:
    for host in ("127.0.0.1.is", "10.0.0.7.is", "169.254.169.254.is", "::1.is"):
        trigger = await house.trigger(
            kind="poll", url="http://inside.example/" if "::" in host else f"http://{host}/"
        )
        await house.settle()
        await trigger.arefresh_from_db()
        if "::" not in host:
            assert "public internet" in trigger.error
    assert all("inside.example" in request for request in house.site.requests)


async def test_an_answer_that_is_too_long_is_an_error(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL)
    await look(house, "x" * 300_000)
    await trigger.arefresh_from_db()
    assert "larger than 256 KiB" in trigger.error


async def test_a_paused_one_does_not_look_and_a_resumed_one_learns_anew(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL)
    await look(house, 1)
    await house.change(trigger, paused=True)
    await look(house, 2)
    assert len(house.site.requests) == 1
    await house.change(trigger, paused=False)
    await look(house, 3)
    assert await house.outcomes(trigger) == []  # what changed meanwhile is not told
    await look(house, 4)
    assert await house.outcomes(trigger) == ["fired"]


async def test_a_change_of_its_limits_forgets_nothing(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL, max_fires=5)
    await look(house, 1)
    await house.change(trigger, max_fires=9, name="Renamed")
    await look(house, 2)
    assert await house.outcomes(trigger) == ["fired"]
    await house.change(trigger, url="http://other.example/now")  # another address is learnt anew
    await look(house, 3)
    await look(house, 4)
    assert [row.seen["before"] for row in await house.rows(trigger)] == ["1", "3"]


async def test_one_that_has_ended_does_not_look_any_more(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL, max_fires=1)
    for value in (1, 2, 3, 4):
        await look(house, value)
    assert await house.outcomes(trigger) == ["fired"]
    assert len(house.site.requests) == 2


async def test_the_hourly_limit_consumes_nothing_either(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL, per_hour=1, interval_s=60, prompt="{{ value }}")
    for value in (1, 2, 3, 3):
        await look(house, value, seconds=60)
    assert await house.said() == ["2"]
    await look(house, 3, seconds=3_700)
    await look(house, 3)
    assert await house.said() == ["2", "3"]
    assert set(await house.outcomes(trigger)) == {"fired", "hourly"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"\xef\xbb\xbf" + '{"state": "Ärger"}'.encode()),
        ("application/json; charset=utf-16", '{"state": "Ärger"}'.encode("utf-16")),
        ("application/json; charset=ISO-8859-1", '{"state": "Ärger"}'.encode("latin-1")),
        ('application/json; charset="nonsense"', '{"state": "Ärger"}'.encode()),
    ],
)
async def test_the_charset_is_honoured_and_a_byte_order_mark_is_no_text(
    house: House, kind: str, body: bytes
) -> None:
    trigger = await house.trigger(
        kind="poll", url=URL, path="$.state", match="equals", pattern="ärger", prompt="{{ value }}"
    )
    house.site.kind, house.site.value = kind, body
    await look(house)
    assert await house.outcomes(trigger) == ["fired"] and await house.said() == ["Ärger"]


async def test_a_chinese_page_is_read_as_it_is_written(house: House) -> None:
    await house.trigger(kind="poll", url=URL, match="contains", pattern="天气", prompt="{{ value }}")
    house.site.kind, house.site.value = "text/plain; charset=gb2312", "天气：晴".encode("gbk")
    await look(house)
    assert await house.said() == ["天气：晴"]


async def test_a_webhook_honours_its_charset(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.a }}")
    for kind, body in (
        ("application/json", b"\xef\xbb\xbf" + '{"a": "é"}'.encode()),
        ("application/json; charset=latin-1", '{"a": "é"}'.encode("latin-1")),
    ):
        answer = await house.client.generic("POST", trigger.hook, body, content_type=kind)
        assert answer.status_code == 200
    assert await house.said() == ["é", "é"]


@pytest.mark.parametrize("url", ["http://10.1.2.3/now", "http://localhost/now", "http://[::1]/now"])
def test_an_address_inside_is_refused_at_once_unless_the_operator_allows_it(settings, url: str) -> None:
    settings.HOLDFAST_TRIGGER_NETWORKS = []
    assert "not on the public internet" in addresses.refusal(url)
    settings.HOLDFAST_TRIGGER_NETWORKS = ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]
    assert addresses.refusal(url) == "" == addresses.refusal(url.replace("/now", ":8080/now"))
    settings.HOLDFAST_TRIGGER_NETWORKS = ["192.168.0.0/16"]
    assert "not on the public internet" in addresses.refusal(url)


def test_allowed_networks_open_no_other_ports_of_the_internet(settings) -> None:
    settings.HOLDFAST_TRIGGER_NETWORKS = ["10.0.0.0/8"]
    assert "Port 8080" in addresses.refusal("http://93.184.215.14:8080/")
    assert addresses.refusal("http://93.184.215.14/") == ""
    assert "not on the public" in addresses.refusal("http://[::ffff:10.0.0.1]/"), "it wraps an allowed one"


def test_a_name_that_nobody_knows_now_is_said_at_the_first_look() -> None:
    assert addresses.refusal("http://no-such-host.invalid/") == ""


async def test_the_form_refuses_it_when_it_is_written(house: House) -> None:
    from chat.entrances.triggers.form import TriggerForm

    class FormOfTheOwner(TriggerForm):
        by = house.owner

    form = await sync_to_async(_errors)(FormOfTheOwner, house.owner.pk)
    assert "not on the public internet" in form["url"]


def _errors(form, owner):
    given = {
        "owner": owner,
        "name": "T",
        "kind": "poll",
        "prompt": "x",
        "cooldown_s": 0,
        "per_hour": 30,
        "match": "any",
        "interval_s": 300,
        "speaker": "person",
        "url": "http://10.1.2.3/now",
    }
    return {name: " ".join(texts) for name, texts in form(given).errors.items()}
