"""Which numbers stand in a text, and is each word of it one?"""

import re
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Ints

Bytes = npt.NDArray[np.uint8]

_BLANK = ord(" ")  # and what is below it: tabs, line ends
_FLOAT = re.compile(rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_INTEGER = re.compile(rb"[-+]?\d+")
# How C libraries write what is no number: 1.#QNAN and -1.#IND (Microsoft's), nan(ind).
_NOT_A_NUMBER = re.compile(rb"(?<!\S)[-+]?(?:1\.#\w+|s?nan\(\w*\))", re.IGNORECASE)


def floats(text: bytes, kind: str) -> Floats:
    """The numbers that stand in a text, between blanks and line ends; what is infinite or NaN stays so.

    Raises ``Unpriceable`` for any word that is no number.
    """
    if b"#" in text or b"(" in text:
        text = _NOT_A_NUMBER.sub(b"nan", text)
    words = int(np.count_nonzero(word_starts(np.frombuffer(text, np.uint8))))
    if not words:
        return np.empty(0)
    try:
        numbers: Floats = np.fromstring(text, dtype=np.float64, sep=" ")
    except ValueError:
        _refuse(text, _FLOAT, kind)
    if len(numbers) != words:  # two of them in one word: 1-2 or 1.2.3
        _refuse(text, _FLOAT, kind)
    return numbers


def integers(text: bytes, kind: str) -> Ints:
    """The whole numbers that stand in a text, between spaces and line feeds.

    Raises ``Unpriceable`` for any word that is none.
    """
    given = np.frombuffer(text, np.uint8)
    starts = word_starts(given)
    is_digit = (given - np.uint8(ord("0"))) < 10
    is_sign = (given == ord("+")) | (given == ord("-"))
    is_before_digit = np.append(is_digit[1:], False)
    if not (is_digit | (given == _BLANK) | (given == ord("\n")) | (is_sign & starts & is_before_digit)).all():
        _refuse(text, _INTEGER, kind)
    if not starts.any():
        return np.empty(0, np.int64)
    return np.fromstring(text, dtype=np.int64, sep=" ")


def word_starts(text: Bytes) -> npt.NDArray[np.bool_]:
    """Where in a text a word begins."""
    starts = text > _BLANK
    starts[1:] &= text[:-1] <= _BLANK
    return starts


def _refuse(text: bytes, number: re.Pattern[bytes], kind: str) -> NoReturn:
    bad = next((word for word in text.split() if not number.fullmatch(word)), b"")
    raise Unpriceable(
        f"The {kind} file has {_shown(bad)} where a number is due. Export it again, with decimal points."
    )


def cut_short(kind: str) -> Unpriceable:
    """What is said of a file that ends before all that it declares."""
    return Unpriceable(f"The {kind} file is cut short. Export it again and send the whole file.")


def damaged(kind: str) -> Unpriceable:
    """What is said of a file that does not keep to its format."""
    return Unpriceable(f"The {kind} file is damaged: it can't be read as a 3D model.")


def unreadable_line(kind: str, line: bytes) -> Unpriceable:
    """What is said of a line that is none of the format's."""
    return Unpriceable(
        f"The {kind} file has a line that we can't read: {_shown(line)}. Export it as a plain mesh."
    )


def unread(kind: str, feature: str) -> Unpriceable:
    """What is said of a file that is right, but more than a mesh."""
    return Unpriceable(f"The {kind} file uses {feature}, which we can't read. Export it as a plain mesh.")


def more_than_declared(kind: str) -> Unpriceable:
    """What is said of a file where something would be lost that stands behind all it declares."""
    return Unpriceable(f"The {kind} file holds more than it declares. Export it again.")


def _shown(words: bytes) -> str:
    """A piece of a stranger's file as it may stand in a sentence."""
    return repr(words[:40].decode("utf-8", "replace"))
