"""What people see when there is nothing, when they may not, and when we failed."""

import pytest
from django.test import Client, RequestFactory

from chat.http import trouble


@pytest.mark.parametrize(
    ("language", "title"), [("en", "There is nothing here"), ("zh-CN", "这里什么也没有")]
)
def test_an_address_that_leads_nowhere_says_so_and_leads_back(client, language, title):
    response = client.get("/nothing/here", headers={"Accept-Language": language})
    html = response.content.decode()
    assert response.status_code == 404
    assert f"<h1>{title}</h1>" in html and 'href="/"' in html
    assert "Content-Security-Policy" in response.headers


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do():
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "open for too long" in response.content.decode()


def test_our_own_failure_is_told_without_details_and_without_a_database():
    response = trouble.failed(RequestFactory().get("/c/x"))
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_the_api_is_refused_in_its_own_words():
    response = Client(enforce_csrf_checks=True).post("/api/attachments")
    assert response.status_code in (401, 403)
    assert response.headers["Content-Type"] == "application/json"
    assert trouble.failed(RequestFactory().get("/api/boot")).headers["Content-Type"] == "application/json"
