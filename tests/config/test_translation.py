"""Is every string translated, in every plural form, and is the compiled catalogue that of its source?"""

import ast
import gettext
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from accounts.models import User
from events.looks import money
from tests.desks import desk
from tests.factories import WorkOrderFactory

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "locale/ru/LC_MESSAGES/django.po"
ASKING = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}
ENTRY = re.compile(r'^msgid (".*")\n(?:msgid_plural (".*")\n)?((?:msgstr.*\n?)+)', re.MULTILINE)
PLACE = re.compile(r"%\(\w+\)\w|\{\w+\}")


def entries() -> list[tuple[str, str | None, list[str]]]:
    """msgid, plural and translations of each entry."""
    source = CATALOGUE.read_text()
    assert "fuzzy" not in source
    found = []
    for one, many, strings in ENTRY.findall(source):
        said = [ast.literal_eval(text) for text in re.findall(r'^msgstr\S* (".*")', strings, re.MULTILINE)]
        found.append((ast.literal_eval(one), ast.literal_eval(many) if many else None, said))
    return [entry for entry in found if entry[0]]


def test_every_string_has_all_its_forms_and_keeps_its_places() -> None:
    assert len(entries()) > 250
    for one, many, said in entries():
        assert len(said) == (3 if many else 1), one
        for text in said:
            assert text, one
            assert set(PLACE.findall(text)) <= set(PLACE.findall(many or one)), one


def test_the_compiled_catalogue_is_that_of_its_source() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for one, many, said in entries():
        texts = [compiled.ngettext(one, many, n) for n in (1, 2, 5)] if many else [compiled.gettext(one)]
        assert texts == said


def written() -> Iterator[str]:
    """Every text that code or a template asks to be translated."""
    for app in ("accounts", "caching", "config", "events", "mes", "shop"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ASKING and node.args:
                    yield from (one.value for one in node.args[:1] if isinstance(one, ast.Constant))
    for path in (ROOT / "templates").rglob("*.html"):
        page = path.read_text()
        yield from re.findall(r'{% trans(?:late)? "(.+?)"', page)
        yield from re.findall(r'_\("(.+?)"\)', page)
        for text in re.findall(r"{% blocktranslate[^%]*%}(.+?){%", page):
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", text)


def test_no_string_of_ours_is_missing_in_the_catalogue() -> None:
    known = {one for one, _many, _said in entries()}
    assert len(set(written()) & known) > 250
    with translation.override("ru"):
        missing = {text for text in written() if text not in known and translation.gettext(text) == text}
    assert not missing


@pytest.mark.django_db
def test_pages_speak_the_language_that_was_chosen(olga: User) -> None:
    WorkOrderFactory(status="MANUFACTURING_APPROVED", due_date="2030-12-06", price="1234.50")
    browser = desk(olga)
    answer = browser.post("/admin/language/", {"language": "ru", "next": "/admin/board/"})
    assert answer.url == "/admin/board/"
    page = browser.get("/admin/board/").text
    assert "Взять" in page
    assert "6 дек" in page
    with translation.override("ru"):
        assert money("1234.50", "EUR") in page
    assert (
        browser.post("/admin/language/", {"language": "xx", "next": "https://evil.example/"}).url == "/admin/"
    )
    olga.refresh_from_db()
    assert olga.language == "ru"


@pytest.mark.parametrize(
    ("language", "written"), [("en", "6 Dec 2030, 22:04 UTC"), ("ru", "6 дек 2030, 22:04 UTC")]
)
def test_a_moment_has_24_hours_and_says_that_it_is_utc(language: str, written: str) -> None:
    with translation.override(language):
        assert date_format(datetime(2030, 12, 6, 22, 4, tzinfo=UTC), "DATETIME_FORMAT") == written


def test_the_login_speaks_the_browsers_language(db: None) -> None:
    page = Client(HTTP_ACCEPT_LANGUAGE="ru").get("/admin/login/").text
    assert "На заказ" in page
