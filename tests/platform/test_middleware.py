"""Django's middleware, asked in the event loop: nothing of it is lost, and nobody waits for a thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.test import AsyncRequestFactory, RequestFactory
from django.utils.module_loading import import_string

from config import middleware


def test_what_djangos_checks_look_for_by_name_is_there_by_its_kind() -> None:
    """W001, W002 and W003 are silenced, and this is why they may be."""
    used = [import_string(path) for path in settings.MIDDLEWARE]
    for wanted in (SecurityMiddleware, XFrameOptionsMiddleware, CsrfViewMiddleware):
        assert any(issubclass(one, wanted) for one in used if isinstance(one, type)), wanted


def test_none_of_them_has_a_question_that_django_would_ask_in_a_thread() -> None:
    ours = [
        one
        for one in vars(middleware).values()
        if isinstance(one, type) and one.__module__ == middleware.__name__
    ]
    assert len(ours) == 10
    for one in ours:
        assert getattr(one, "__acall__") is middleware.InPlace.__acall__, one  # noqa: B009


async def test_they_are_asked_in_the_event_loop() -> None:
    loops: list[Any] = []

    class Seen(middleware.Security):
        def process_request(self, request: HttpRequest) -> Any:
            loops.append(asyncio.get_running_loop())
            return super().process_request(request)

        def process_response(self, request: HttpRequest, response: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            return super().process_response(request, response)

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("hello")

    answer = await Seen(view)(AsyncRequestFactory().get("/"))
    assert loops == [asyncio.get_running_loop()] * 2
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db(transaction=True)
async def test_a_session_that_was_changed_is_stored_and_one_that_was_not_is_left_alone() -> None:
    async def change(request: HttpRequest) -> HttpResponse:
        await request.session.aset("seen", 1)
        return HttpResponse("hello")

    async def look(request: HttpRequest) -> HttpResponse:
        return HttpResponse("hello")

    answer = await middleware.Sessions(change)(AsyncRequestFactory().get("/"))
    assert await sync_to_async(Session.objects.count)() == 1
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    request = AsyncRequestFactory().get("/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = cookie.value
    answer = await middleware.Sessions(look)(request)
    assert not answer.cookies and await sync_to_async(Session.objects.count)() == 1


@pytest.mark.django_db(transaction=True)
async def test_what_a_page_is_to_say_is_kept_for_the_next_one() -> None:
    async def say(request: HttpRequest) -> HttpResponse:
        await sync_to_async(request._messages.add)(20, "It is done.")  # type: ignore[attr-defined]
        return HttpResponse("hello")

    chain = middleware.Sessions(middleware.Messages(say))
    answer = await chain(AsyncRequestFactory().get("/"))
    assert "messages" in answer.cookies or await sync_to_async(Session.objects.count)() == 1


async def test_a_form_of_another_site_is_refused_in_either_world() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("hello")

    ours = middleware.Csrf(view)
    request = AsyncRequestFactory().post("/", {"a": 1})
    ours.process_request(request)
    refused = await ours.process_view(request, view, (), {})
    assert refused is not None and refused.status_code == 403

    plain = middleware.Csrf(lambda request: HttpResponse("hello"))
    other = RequestFactory().post("/", {"a": 1})
    plain.process_request(other)
    refused = plain.process_view(other, view, (), {})
    assert refused is not None and refused.status_code == 403
