"""How often did something happen today? Counted in Redis alone: cheap, shared, and gone when Redis is."""

from datetime import date
from typing import Final

from caching.lines import installation
from caching.redis import CacheUnavailable, Script, call

ADD = Script("tally_add")
READ = Script("tally_read")
_KEPT_SECONDS: Final = 3 * 86_400


class Tally:
    """Numbers by name and day. Nothing may depend on them: one that can't be counted is not counted."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _key(self, day: date) -> str:
        return f"{{{self.name}.{installation()}}}:tally:{day.isoformat()}"

    def add(self, day: date, name: str) -> None:
        """One more; raises nothing."""
        try:
            call(ADD, [self._key(day)], (name, _KEPT_SECONDS))
        except CacheUnavailable:
            return

    def read(self, day: date) -> dict[str, int] | None:
        """The numbers of a day; None when Redis can't be asked."""
        try:
            found: list[bytes] = call(READ, [self._key(day)])
        except CacheUnavailable:
            return None
        return {name.decode(): int(number) for name, number in zip(found[::2], found[1::2], strict=True)}
