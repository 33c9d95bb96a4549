"""What do clients, partners and operators do over HTTP, and what were they told?

``python -m tests.chaos.people <plan>`` until SIGTERM: the actors of ``manage.py simulate`` with callers that
note every answer; clients who send model after model for one order and look at it at once; and a crowd of
operators who claim one order all together, again and again. The simulation's ledger is left in
``ledger.json``.
"""

import json
import os
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from config.simulation.buyers import Buyer
from config.simulation.caller import TIMEOUT, Caller
from config.simulation.ledger import Ledger
from config.simulation.operators import Operator
from tests.chaos.notes import DROPPED, TIMED_OUT, Claim, Notebook, Write, now
from tests.chaos.plan import Plan
from tests.chaos.reader import source_of
from tests.solids import cube_bytes

CROWD = 4  # operators who want the same order at the same moment
MOST_OPEN = 6


class Desk:
    """The notebook all threads share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._notebook = Notebook(plan.folder, "people")
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._notebook.close()

    def answered(self, who: int, response: requests.Response, began: float, ended: float) -> None:
        """Note what one answer said: a write that was acknowledged, or a read."""
        method, path = response.request.method or "", response.request.path_url
        shown = _shown(response)
        with self._lock:
            if method == "GET" and response.ok:
                body = self._notebook.body(path, shown)
                head = f"\r\ncache-status: {response.headers.get('Cache-Status', '')}".encode()
                self._notebook.read(began, ended, body, who, source_of(head))
            elif method == "GET":
                self._notebook.failed(began, who, str(response.status_code))
            elif response.ok:
                for key, version in shown.items():
                    self._notebook.note(Write(key, version, began, ended, "http", who))
            if path.endswith("/claim/"):
                self._claim(who, path, _answer(response), began, ended)

    def unanswered(self, who: int, method: str, path: str, began: float) -> None:
        """Note a try whose outcome nobody was told."""
        with self._lock:
            if method == "GET":
                self._notebook.failed(began, who, TIMED_OUT if now() - began >= TIMEOUT else DROPPED)
            if path.endswith("/claim/"):
                self._claim(who, path, "", began, now())

    def _claim(self, who: int, path: str, answer: str, began: float, ended: float) -> None:
        operator, number = self.plan.user_ids[who], path.split("/")[-3]
        self._notebook.note(Claim(number, operator, answer, began, ended))


def _answer(response: requests.Response) -> str:
    """The code of a refusal; a status where there is none."""
    if response.headers.get("Content-Type") != "application/problem+json":
        return str(response.status_code)
    return str(response.json()["code"])


def _shown(response: requests.Response) -> dict[str, int]:
    """The version of each row that an answer shows."""
    if not response.ok or response.status_code == 204:
        return {}
    prefix = "S:" if "/shop/" in (response.request.path_url or "") else "M:"
    answer = response.json()
    rows = answer.get("results", [answer])
    return {f"{prefix}{row['number']}": row["version"] for row in rows if "version" in row}


@dataclass(frozen=True)
class NotedCaller(Caller):
    """A caller whose every answer is noted."""

    desk: Desk
    who: int

    def _try(self, method: str, path: str, **body: Any) -> requests.Response | None:
        began = now()
        response = super()._try(method, path, **body)
        if response is None:
            self.desk.unanswered(self.who, method, path, began)
        else:
            self.desk.answered(self.who, response, began, now())
        return response


@dataclass(frozen=True)
class People:
    """Everybody who calls the API, each a thread."""

    plan: Plan
    desk: Desk
    ledger: Ledger
    stop: threading.Event

    def caller(self, who: int) -> NotedCaller:
        session = requests.Session()
        session.headers["Authorization"] = f"Token {self.plan.tokens[who]}"
        return NotedCaller(
            self.plan.url, self.plan.tokens[who], self.ledger, self.stop, session, self.desk, who
        )

    def threads(self) -> list[threading.Thread]:
        plan = self.plan
        buyers = [(who, False) for who in plan.clients] + [(plan.partner, True)]
        return [
            *(
                Buyer(self.caller(who), plan.interval, is_partner, MOST_OPEN, self._dice(who))
                for who, is_partner in buyers
            ),
            *(
                Operator(self.caller(who), plan.user_ids[who], self._dice(who))
                for who in plan.operators[CROWD - 1 :]
            ),
            threading.Thread(target=self._send_models, daemon=True),
            threading.Thread(target=self._crowd, daemon=True),
        ]

    def _dice(self, who: int) -> random.Random:
        return random.Random(f"{self.plan.seed}{who}")

    def _send_models(self) -> None:
        """Another model for an order, and a look at it as soon as that is answered."""
        callers = {who: self.caller(who) for who in self.plan.clients}
        dice = self._dice(-1)
        while not self.stop.wait(self.plan.pause * 2):
            number, who = dice.choice(list(self.plan.drafts.items()))
            path = f"shop/orders/{number}/"
            model = {"file": ("cube.stl", cube_bytes(dice.randint(5, 12)))}
            if callers[who]._try("PUT", f"{path}model/", files=model) is not None:
                callers[who]._try("GET", path)

    def _crowd(self) -> None:
        """Operators claim one order at once; whoever gets it gives it back."""
        callers = [self.caller(who) for who in self.plan.operators[:CROWD]]
        dice = self._dice(-2)
        with ThreadPoolExecutor(CROWD) as pool:
            while not self.stop.wait(self.plan.pause * 2):
                path = f"mes/orders/{dice.choice(self.plan.contested)}/"
                start = threading.Barrier(CROWD)

                def claim(caller: NotedCaller, path: str = path, start: threading.Barrier = start) -> Any:
                    start.wait()
                    return caller._try("POST", f"{path}claim/")

                list(pool.map(claim, callers))
                # Somebody's answer may have been lost, so all of them try to give it back.
                for caller in callers:
                    answer = caller._try("POST", f"{path}release/", json={"reason": "For the next."})
                    if answer is not None and answer.ok:
                        break


def main() -> None:
    """Act until SIGTERM."""
    plan = Plan.read(sys.argv[1])
    desk, ledger, stop = Desk(plan), Ledger(), threading.Event()
    crashed: list[str] = []

    def crash(args: threading.ExceptHookArgs) -> None:
        crashed.append(f"{args.thread} crashed: {args.exc_value!r}")
        threading.__excepthook__(args)

    threading.excepthook = crash
    threads = People(plan, desk, ledger, stop).threads()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for thread in threads:
        thread.start()
    while not stop.wait(1):
        pass
    for thread in threads:
        thread.join(TIMEOUT + 5)
    desk.close()
    told = {
        "created": sorted(ledger.created),
        "submitted": sorted(ledger.submitted),
        "finished": sorted(ledger.finished),
        "claims": ledger.claims,
        "refusals": dict(ledger.refusals) | dict.fromkeys(crashed, 1),
        "errors": dict(ledger.errors),
    }
    (plan.folder.parent / "ledger.json").write_text(json.dumps(told))
    os._exit(0)  # a thread that waits for an answer has nothing more to say


if __name__ == "__main__":
    main()
