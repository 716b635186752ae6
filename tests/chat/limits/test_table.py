"""The tables of docs/limits.md are those of the code."""

from pathlib import Path

from django.utils import translation

from chat.http import problems
from chat.inbox import FORGOTTEN, PASSING
from chat.limits.table import CODES, LIMITS
from scripts import limits_docs

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_code_says() -> None:
    page = limits_docs.PAGE.read_text(encoding="utf-8")
    assert not list(limits_docs.problems(page)), "run `make limits`"
    assert list(limits_docs.problems(page.replace("00:00 UTC", "01:00 UTC"))), "a page that is wrong is found"


def test_each_setting_is_in_the_table_of_the_deployment() -> None:
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    known = limits_docs.defaults()
    for one in LIMITS:
        assert f"| `{one.setting}` | {known[one.setting]} |" in page, one.setting


def test_each_refusal_is_told_in_both_languages_and_to_programs() -> None:
    for code, limit in CODES.items():
        with translation.override("en"):
            english = str(limit.told)
        with translation.override("zh-hans"):
            assert str(limit.told) != english, code
        if code != "files_full":
            assert code in problems.CODES and code in FORGOTTEN, code
    assert "too_fast" in PASSING and not PASSING & {"runs_spent", "tokens_spent", "money_spent"}
