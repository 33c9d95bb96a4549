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

UNIT = "The STL file says no unit: millimetres were taken."
ROOT = Path(__file__).parents[2]
#: Whose argument becomes a reason or a flag.
TAKERS = {"Unpriceable", "TooLong", "Flag"}


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
    """Every sentence that the code can write as a reason or a flag: in place, or by a name given before."""
    for path in [*ROOT.glob("mes/**/*.py"), *ROOT.glob("shop/*.py")]:
        tree = ast.parse(path.read_text())
        values: dict[str, list[ast.AST]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(node.targets[0].id, []).append(node.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                is_taken = getattr(node.func, "id", getattr(node.func, "attr", "")) in TAKERS
                taken = [*node.args] if is_taken else []
                taken += [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
                for one in taken:
                    for value in values.get(one.id, []) if isinstance(one, ast.Name) else [one]:
                        yield from literals(value)


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
    details = ["412 mm across: was the file meant in a smaller unit?", UNIT]
    order = WorkOrderFactory(flags=[{"code": "huge", "detail": detail} for detail in details])
    order.history.create(
        to_status=Status.PRICE_CALCULATED,
        actor_kind=ActorKind.SYSTEM,
        at=order.created_at,
        reason="\n".join(details),
    )
    page = desk(olga).get(f"/admin/mes/workorder/{order.number}/change/").text
    assert page.count("412 мм в поперечнике") == page.count("В файле STL не указана единица") == 2
