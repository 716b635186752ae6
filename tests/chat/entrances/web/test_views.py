"""The page, and the ways in and out."""

import json
import os

import pytest
from django.test import Client

from chat.entrances.web import views
from tests.support.processes import password


@pytest.fixture
def dist(tmp_path, settings):
    """A folder for a built frontend; `built(manifest)` puts one there."""
    settings.FRONTEND_DIST = tmp_path
    return tmp_path


def build(dist, **chunks):
    folder = dist / ".vite"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(chunks))


MAIN = {
    "src/main.tsx": {"file": "assets/main-1.js", "css": ["assets/main-1.css"], "imports": ["_shared.js"]},
    "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"], "imports": ["_deep.js"]},
    "_deep.js": {"file": "assets/deep-1.js", "imports": ["_shared.js"]},
}


class TestPage:
    def test_it_wants_a_login_and_comes_back_after_it(self, client, db):
        response = client.get("/c/0192f0c1-2345-7000-8000-000000000001")
        assert response.status_code == 302
        assert response["Location"] == "/accounts/login/?next=/c/0192f0c1-2345-7000-8000-000000000001"

    def test_it_loads_the_hashed_files_of_the_build(self, client, alice, dist):
        build(dist, **MAIN)
        client.force_login(alice)
        for path in ("/", "/c/0192f0c1-2345-7000-8000-000000000001"):
            html = client.get(path).content.decode()
            assert '<script type="module" src="/static/assets/main-1.js"></script>' in html
            for style in ("main-1.css", "shared-1.css"):
                assert f'<link rel="stylesheet" href="/static/assets/{style}">' in html
            for script in ("shared-1.js", "deep-1.js"):
                assert f'<link rel="modulepreload" href="/static/assets/{script}">' in html

    def test_a_new_build_is_noticed_without_a_restart(self, client, alice, dist):
        build(dist, **MAIN)
        client.force_login(alice)
        client.get("/")
        build(dist, **{"src/main.tsx": {"file": "assets/main-2.js"}})
        os.utime(dist / ".vite" / "manifest.json", (1, 1))
        assert b"main-2.js" in client.get("/").content

    def test_without_a_build_it_says_what_to_do(self, client, alice, dist):
        client.force_login(alice)
        response = client.get("/")
        assert response.status_code == 503
        assert b"npm run build" in response.content

    def test_it_is_fit_for_a_strict_csp(self, client, alice, dist):
        build(dist, **MAIN)
        client.force_login(alice)
        response = client.get("/")
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        for page in (response, Client().get("/accounts/login/")):
            html = page.content.decode()
            assert "<style" not in html and " style=" not in html
            assert " onclick=" not in html and "javascript:" not in html
            assert html.count("<script") == html.count('<script type="module" src=')

    def test_it_is_not_cached_because_it_names_the_build(self, client, alice, dist):
        build(dist, **MAIN)
        client.force_login(alice)
        assert "no-store" in client.get("/")["Cache-Control"]


class TestLogin:
    def test_a_right_password_lets_in_and_goes_where_one_wanted_to_go(self, client, alice):
        response = client.post(
            "/accounts/login/?next=/c/x", {"username": "alice", "password": password("alice"), "next": "/c/x"}
        )
        assert response.status_code == 302 and response["Location"] == "/c/x"

    def test_it_never_leads_to_another_site(self, client, alice):
        fields = {"username": "alice", "password": password("alice"), "next": "https://evil.example/"}
        assert client.post("/accounts/login/", fields)["Location"] == "/"

    def test_a_wrong_password_is_said_in_words_and_the_name_is_kept(self, client, alice):
        response = client.post("/accounts/login/", {"username": 'alice"><b>', "password": "wrong"})
        html = response.content.decode()
        assert 'role="alert"' in html
        assert 'value="alice&quot;&gt;&lt;b&gt;"' in html
        assert "wrong" not in html.replace("password", "")

    def test_csrf_is_required(self, alice):
        strict = Client(enforce_csrf_checks=True)
        fields = {"username": "alice", "password": password("alice")}
        assert strict.post("/accounts/login/", fields).status_code == 403

    @pytest.mark.parametrize(
        ("accepted", "lang", "button"),
        [
            ("en", "en", "Log in"),
            ("zh-CN,zh;q=0.9", "zh-Hans", "登录"),
            ("zh-TW", "zh-Hans", "登录"),
            ("fr", "en", "Log in"),
        ],
    )
    def test_it_speaks_the_readers_language(self, client, db, accepted, lang, button):
        html = client.get("/accounts/login/", headers={"accept-language": accepted}).content.decode()
        assert f'<html lang="{lang}">' in html and f">{button}</button>" in html

    def test_whoever_is_logged_in_already_goes_to_the_chat(self, client, alice):
        client.force_login(alice)
        assert client.get("/accounts/login/")["Location"] == "/"


class TestLogout:
    def test_it_is_a_post(self, client, alice):
        client.force_login(alice)
        assert client.get("/accounts/logout/").status_code == 405
        assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
        assert client.get("/api/boot").status_code == 401


class TestPassword:
    def test_it_can_be_changed_and_this_login_goes_on(self, client, alice):
        client.force_login(alice)
        old, new = password("alice"), "a-very-new-word-77"
        fields = {"old_password": old, "new_password1": new, "new_password2": new}
        assert client.post("/accounts/password/", fields)["Location"] == "/"
        assert client.get("/api/boot").status_code == 200
        alice.refresh_from_db()
        assert alice.check_password(new)

    def test_a_weak_one_is_refused_with_the_reason(self, client, alice):
        client.force_login(alice)
        fields = {"old_password": password("alice"), "new_password1": "123", "new_password2": "123"}
        assert b"too short" in client.post("/accounts/password/", fields).content

    def test_it_wants_a_login(self, client, db):
        assert client.get("/accounts/password/").status_code == 302


@pytest.mark.parametrize(("accepts", "said"), [("zh-CN,zh;q=0.9", "登录"), ("fr", "Log in"), ("", "Log in")])
def test_a_page_is_in_the_readers_language(client, db, accepts, said):
    page = client.get("/accounts/login/", headers={"accept-language": accepts}, follow=True).content.decode()
    assert f"<h1>{said}</h1>" in page


def test_a_manifest_is_read_once_per_build(dist):
    build(dist, **MAIN)
    assert views.built() is views.built()
