"""Most races have one shape, which single steps make up once in hundreds of stories: somebody stands still,
something befalls the others, and they go on. Here each is one step of the machine."""

from hypothesis import strategies as st

from tests.model.actors import FATES
from tests.model.items import KEYS
from tests.model.machine import Machine
from tests.model.steps import (
    DISASTERS,
    OPERATIONS,
    keys,
    layers,
    operations,
    relays_pass,
    step,
    web_numbers,
)

MEANWHILE = ("write",) * 5 + ("arrivals",) * 2 + ("fail over", "restore") * 2 + ("empty", *DISASTERS)
pauses_ms = st.sampled_from((0, 0, 1_100, 2_100))
rare_fates = st.sampled_from(("ok",) * 8 + FATES[1:])


class Races(Machine):
    """The machine, its steps taken one by one or several at once."""

    @step(
        who=st.sampled_from(("read", "warm")), web=web_numbers,
        meanwhile=st.sampled_from(MEANWHILE), operation=st.sampled_from(("delete", *OPERATIONS)),
        layer=layers, ms=st.sampled_from((0, 0, 1_100, 2_100, 71_000)), relays=relays_pass, fate=rare_fates,
    )  # fmt: skip
    def interrupted(
        self, who: str, web: int, meanwhile: str, operation: str, layer: str, ms: int, relays: bool, fate: str
    ) -> None:
        """Somebody who is about to put stands still while something befalls the others, and goes on."""
        old = [actor for actor, _check in self.actors]
        if who == "warm":
            self.chore(web=web, what=who, stop="write")
        else:
            self.read(web=web, key=KEYS[0], stop="write")
        begun = [actor for actor, _check in self.actors if actor not in old]
        self._befalls(meanwhile, 1 - web, operation, layer)
        if ms:
            self.time_passes(ms=ms, relays=relays)
        for actor in begun:
            actor.go(fate=fate)

    @step(
        key=keys, calls=st.integers(1, 5), until=st.sampled_from(("write", "step")),
        meanwhile=st.sampled_from(MEANWHILE), operation=operations, layer=layers, ms=pauses_ms,
        fate=rare_fates, then=st.sampled_from(("", "frozen", "passes")),
    )  # fmt: skip
    def interrupted_pass(
        self, key: str, calls: int, until: str, meanwhile: str, operation: str, layer: str, ms: int,
        fate: str, then: str,
    ) -> None:  # fmt: skip
        """A relay stands still in a pass in which it has work to do; ``then`` it is frozen again, or all
        pass."""
        self._give_the_relay_work(key)
        self._interrupt(self.world.leader(), calls, until, meanwhile, operation, layer, ms, fate)
        if then:
            self.time_passes(ms=2_100 if then == "passes" else 1_100, relays=then == "passes")

    @step(
        only_if=lambda self: self.has_disasters, key=keys, calls=st.integers(1, 5),
        meanwhile=st.sampled_from(MEANWHILE), operation=operations, layer=layers, ms=pauses_ms,
        fate=rare_fates,
    )  # fmt: skip
    def interrupted_rebuild(
        self, key: str, calls: int, meanwhile: str, operation: str, layer: str, ms: int, fate: str
    ) -> None:
        """A new relay stands still in its first pass, which rebuilds everything."""
        self._give_the_relay_work(key)
        number = self.world.leader()
        self.kill_relay(number)
        self._interrupt(number, calls, "write", meanwhile, operation, layer, ms, fate)

    def _interrupt(
        self, number: int, calls: int, until: str, meanwhile: str, operation: str, layer: str, ms: int,
        fate: str,
    ) -> None:  # fmt: skip
        """The relay goes so many calls far, and on when all that has happened."""
        relay = self.world.relays[number]
        for _ in range(calls):
            relay.go(until)
        self._befalls(meanwhile, 1 - number, operation, layer)
        self.time_passes(ms=ms, relays=False)
        relay.go(fate=fate)

    def _give_the_relay_work(self, key: str) -> None:
        """Let it renew its fence if it can, then change a row behind everybody's back."""
        if self.has_disasters:
            self.redis(what="replicate")
        self._write_anyhow(key, "edit", "none")
        self.time_passes(ms=300, relays=True)  # long enough for a renewal
        if self.has_disasters:
            self.redis(what="replicate")  # a failover or an older copy takes back what comes now, not more
        self._write_anyhow(key, "edit", "none")

    def _write_anyhow(self, key: str, operation: str, layer: str) -> None:
        """By whoever has no transaction open."""
        self.write(
            web=min({0, 1} - self.transactions.keys(), default=0), key=key, operation=operation, layer=layer
        )

    def _befalls(self, what: str, web: int, operation: str, layer: str) -> None:
        if what == "arrivals":
            for key in KEYS:
                if key not in self.world.database.rows:
                    self._write_anyhow(key, "edit", "signals")
        elif what == "write" or not self.has_disasters:
            self._write_anyhow(KEYS[0], operation, layer)
        elif what in DISASTERS:
            self.disaster(what=what, number=web)
        else:
            self.redis(what=what)
