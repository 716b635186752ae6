"""What the server says in other languages: whole, certain, compiled, and no gettext is needed to run it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import translation

from chat.messenger import texts
from scripts import messages


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_catalogue_has_every_text_once_and_the_compiled_file_says_the_same(language):
    assert messages.problems(language) == []


def test_every_language_that_is_offered_has_a_catalogue():
    offered = {translation.to_locale(code) for code, _ in settings.LANGUAGES} - {"en"}
    assert offered == set(messages.LANGUAGES)


def test_gaps_uncertain_texts_and_a_stale_compiled_file_are_found(tmp_path):
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = messages.LOCALE / "zh_Hans" / "LC_MESSAGES"
    text = (source / "django.po").read_text()
    text = text.replace('msgstr "已完成"', 'msgstr ""')
    text = text.replace('msgid "Failed"', '#, fuzzy\nmsgid "Failed"')
    text = text.replace('msgid "Allow"', 'msgid "Permit"')
    text = text.replace("{minutes} 分", "{minuten} 分")
    (folder / "django.po").write_text(text)
    (folder / "django.mo").write_bytes((source / "django.mo").read_bytes())
    found = "\n".join(messages.problems("zh_Hans", tmp_path))
    for problem in (
        "without a translation: ('Done',)",
        "uncertain: ('Failed',)",
        "not in the catalogue: ('Allow',)",
        "in the catalogue, but nowhere said: ('Permit',)",
        "other placeholders: ('{minutes} min {seconds} s',)",
        "not compiled: ('Done',)",
        "compiled, but not in the catalogue: ('Allow',)",
    ):
        assert problem in found


def test_one_form_of_address_as_in_the_web_chat():
    for message in messages.catalogue("zh_Hans"):
        assert "您" not in str(message.string), message.id


def test_a_text_is_said_in_the_language_that_is_asked_for():
    assert texts.say("en", texts.TOO_LONG, count="2", max="1").startswith(
        "This message is too long: 2 characters"
    )
    assert texts.say("zh-hans", texts.TOO_LONG, count="2", max="1").startswith("这条消息太长：共 2 个字符")
    assert texts.say("fr", texts.STOP) == "Stop"
