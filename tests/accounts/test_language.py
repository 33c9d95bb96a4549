"""In which language do pages and the API speak?"""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User

pytestmark = [pytest.mark.urls("tests.config.probes"), pytest.mark.django_db]


@pytest.fixture
def russian(db: None) -> Client:
    """A browser set to English, logged in by a user who chose Russian."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.create_user("ivan", language="ru"))
    return client


def test_a_page_speaks_the_language_of_its_user(russian: Client) -> None:
    answer = russian.get("/page/")
    assert answer.text == "ru Да"
    assert answer["Content-Language"] == "ru"


def test_an_anonymous_page_speaks_the_browsers_language(client: Client) -> None:
    answer = client.get("/page/", headers={"accept-language": "ru-RU, en;q=0.5"})
    assert answer.text == "ru Да"
    assert "Accept-Language" in answer["Vary"]


def test_without_a_wish_the_sites_language_is_spoken(client: Client, settings: Settings) -> None:
    assert client.get("/page/").text == "en Yes"
    settings.LANGUAGE_CODE = "ru"
    assert client.get("/page/").text == "ru Да"
    assert User(username="new").language == "ru"


def test_the_api_speaks_english_to_everyone(russian: Client, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "ru"
    headers = {"accept-language": "ru"}
    assert russian.get("/api/page/", headers=headers).text == "en Yes"
    answer = russian.post("/api/form/", {}, content_type="application/json", headers=headers)
    assert answer.json()["errors"] == {"title": ["This field is required."]}
    assert "Accept-Language" not in answer.get("Vary", "")
