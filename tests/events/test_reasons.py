"""Does each sentence that the system writes into a timeline have its translation, and keep its figures?"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from accounts.models import User
from events.reasons import translated
from events.vocabulary import ActorKind, Status
from tests.desks import desk
from tests.factories import WorkOrderFactory

ROOT = Path(__file__).parents[2]
#: Functions whose text, or whose argument, becomes a reason or a flag.
WRITERS = {"_not_closed", "suspicion"}


def literals(node: ast.AST) -> Iterator[str]:
    """The texts in a piece of code, each place of an f-string filled with a word."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from literals(child)


def written() -> Iterator[str]:
    """Every sentence that the code can write as a reason."""
    for path in [*ROOT.glob("mes/*.py"), *ROOT.glob("shop/*.py")]:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in WRITERS:
                for found in [one for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]:
                    yield from literals(found)
            elif isinstance(node, ast.Call):
                if getattr(node.func, "id", "") == "Unpriceable":
                    yield from literals(node)
                for keyword in node.keywords:
                    if keyword.arg == "reason":
                        yield from literals(keyword.value)


def test_every_sentence_of_the_system_is_translated() -> None:
    sentences = {text for text in written() if " " in text}
    assert len(sentences) > 20
    with translation.override("ru"):
        assert not [text for text in sentences if translated(text) == text]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("412 mm across: was the file meant in a smaller unit?", "412 мм в поперечнике"),
        ("Asked to cancel. Changed my mind.", "Попросили отменить. Changed my mind."),
        ("Came too late to matter: SHIPPED.", "«Отгружен»"),
        ("The torch is broken.", "The torch is broken."),
        ("", ""),
    ],
)
def test_figures_and_peoples_own_words_stay(reason: str, said: str) -> None:
    with translation.override("ru"):
        assert said in translated(reason)
    with translation.override("en"):
        assert translated(reason) == reason.replace("SHIPPED", "Shipped")


@pytest.mark.django_db
def test_the_timeline_and_the_flag_speak_the_readers_language(olga: User) -> None:
    olga.language = "ru"
    olga.save()
    order = WorkOrderFactory(flag="412 mm across: was the file meant in a smaller unit?")
    order.history.create(
        to_status=Status.PRICE_CALCULATED, actor_kind=ActorKind.SYSTEM, at=order.created_at, reason=order.flag
    )
    page = desk(olga).get(f"/admin/mes/workorder/{order.number}/change/").text
    assert page.count("412 мм в поперечнике") == 2
