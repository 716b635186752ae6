"""What comes in from outside is brought into a form that every layer takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import borders

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("plain", "plain"), ("a\0b", "a�b"), ("\ud83d\ude00", "😀"), ("\ud800", "�"), ("\udc00\ud800\0", "���")],
)
def test_texts_lose_what_databases_and_utf8_do_not_know(given, kept):
    assert borders.text(given) == kept


# The browser judges alike: frontend/src/sync/text.test.ts has the same two lists.
BLANK = [
    "",
    " \n\t",
    "\u200b",
    "\u2060\ufeff\u00ad",
    "\u3164 \u2800",
    "\ufe0f",
    "\u202e",
    "\u115f\u1160\uffa0",
    "\U000e0101",
]
SEEN = ["a", ".", "\u200b.", "茶", "👍🏽", "👨\u200d👩\u200d👧", "\u0301", "❤\ufe0f", "\ue000"]


def test_what_nobody_would_see_is_blank():
    assert [one for one in BLANK if not borders.is_blank(one)] == []
    assert [one for one in SEEN if borders.is_blank(one)] == []


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        '{"a": [-1e99999]}',
        "9" * 400 + ".0",
        "9" * 5000,
        "[" * 102 + "]" * 102,
    ],
)
def test_what_is_no_document_is_refused(raw):
    with pytest.raises(borders.BadDocument):
        borders.document(raw)
    with pytest.raises(borders.BadDocument):
        borders.document(raw.encode())


def test_names_are_texts_too():
    assert borders.document(b'{"a\\u0000": {"\\ud800": ["\\u0000\xff"]}}') == {"a�": {"�": ["��"]}}


def test_what_only_looks_like_an_escape_stays_as_it_is():
    raw = json.dumps({"path": "C:\\u0000\\ud800"})
    assert borders.document(raw) == {"path": "C:\\u0000\\ud800"}
    assert json.loads(borders.json_text(raw)) == {"path": "C:\\u0000\\ud800"}


@given(JSON, st.booleans())
def test_every_document_can_be_written_again_and_kept(found, ascii_only):
    raw = json.dumps(found, ensure_ascii=ascii_only)
    try:
        read = borders.document(raw)
    except borders.BadDocument:
        assert "NaN" in raw or "Infinity" in raw or any(len(word) > 300 for word in raw.split())
        return
    written = json.dumps(read, ensure_ascii=False, allow_nan=False)
    assert "\0" not in written and "\\u0000" not in written.replace("\\\\", "")
    assert borders.document(written.encode()) == read
    assert json.loads(borders.json_text(raw)) == read
