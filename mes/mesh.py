"""What solid is in this 3D file: its volume and size in millimetres?"""

from dataclasses import dataclass


class Unpriceable(Exception):
    """The model can't be priced; ``reason`` is a sentence for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Solid:
    """What is to be made: volume in mm3, size along x, y and z in mm, and of how many bodies it is."""

    volume_mm3: float
    extents_mm: tuple[float, float, float]
    bodies: int
