"""What do the processes of a run know in common: where the site is, who the users are, which orders exist?"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """Written once by the director, read by everybody. Users are named by their index in ``tokens``."""

    url: str
    seed: int
    notes: str  # the folder of everybody's notes
    tokens: list[str]
    user_ids: list[int]
    clients: list[int]
    operators: list[int]
    partner: int
    drafts: dict[str, int]  # Shop orders with a model, not submitted: number -> its client
    unborn: dict[str, int]  # numbers that a writer is going to use: number -> the client
    contested: list[str]  # work orders that operators claim and give back
    pause: float  # seconds a writer waits between two writes
    interval: float  # seconds between two new orders of a buyer
    connections: int  # of each reader

    @property
    def folder(self) -> Path:
        """Where notes are kept."""
        return Path(self.notes)

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: str) -> "Plan":
        """The plan in a file."""
        return cls(**json.loads(Path(path).read_text()))
