"""What is said of a 3D file: the solid in it, what is odd about it, or why there is none."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any


class Unpriceable(Exception):
    """The model can't be priced; ``reason`` is a sentence for the client."""

    def __init__(self, reason: str) -> None:
        # Words of a stranger's file stand in it: no line ends, and nothing that PostgreSQL can't store.
        self.reason = re.sub(r"[\x00-\x1f]", "?", reason).encode(errors="replace").decode()
        super().__init__(self.reason)


class RanOut(Unpriceable):
    """Time or memory ran out: that depends on the machine too, so it is no fact about the file."""


@dataclass(frozen=True)
class Solid:
    """What is to be made: volume in mm3, size along x, y and z in mm (z up), of how many bodies it is, and a
    PNG of it (see ``mes.geometry.drawing``) where it was measured with one.

    ``is_overlapping``: bodies overlap, and what they share was counted once. ``is_sum``: the union of bodies
    that may overlap could not be had, so their volumes were added up.
    """

    volume_mm3: float
    extents_mm: tuple[float, float, float]
    bodies: int
    is_overlapping: bool = False
    is_sum: bool = False
    picture: bytes = field(default=b"", compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """All but the picture, as JSON-ready values."""
        return {name: value for name, value in asdict(self).items() if name != "picture"}

    @classmethod
    def from_json(cls, values: dict[str, Any], picture: bytes = b"") -> "Solid":
        """What ``to_json`` has made, and a picture."""
        return cls(**{**values, "extents_mm": tuple(values["extents_mm"])}, picture=picture)
