"""What is odd about an order's model? Questions and remarks for the client, which stop nothing."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class FlagCode(StrEnum):
    """The stable names of what may be odd."""

    TINY = "tiny"
    HUGE = "huge"
    UNIT_GUESSED = "unit_guessed"
    OVERLAPPING_BODIES = "overlapping_bodies"
    SUM_OF_BODIES = "sum_of_bodies"


@dataclass(frozen=True)
class Flag:
    """One oddity: its code, and a sentence in English (``events.reasons`` has it in other languages)."""

    code: FlagCode
    detail: str

    def to_json(self) -> dict[str, str]:
        """The flag as rows, events and the API carry it."""
        return asdict(self)


def flags_field() -> "models.JSONField[list[dict[str, str]], list[dict[str, str]]]":
    """The column of an order's flags."""
    return models.JSONField(
        _("flags"),
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        editable=False,
        help_text=_("What is odd about the model: [{code, detail}]."),
    )
