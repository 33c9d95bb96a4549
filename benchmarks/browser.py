"""What does an operator's browser wait for and keep, with 20,000 orders ready to claim on the running site?

`python -m benchmarks.browser` in the directory of a `make run`, whose site it fills: the first page, polls
that are 304, claims from the click to "Yours", the page's memory before and after minutes of a busy board.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence

import django
from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from config import embedded
from config.run import address, demo_users
from tests.browser.chromium import chromium

UNCLAIMED_ORDERS = 20_000
VISITS, POLLS, CLAIMS = 10, 15, 20
POLL = "/admin/board/live/"

#: Milliseconds from the press to the row that says whose it is, as the page's own clock has it.
_CLAIM = """
(button) => new Promise((told) => {
  const row = button.closest("tr").id, began = performance.now();
  const watch = new MutationObserver(() => {
    if (!document.querySelector(`#${row} .board-yours`)) return;
    watch.disconnect();
    told(performance.now() - began);
  });
  watch.observe(document.getElementById("board-rows"), { childList: true, subtree: true });
  button.click();
})
"""
_NAVIGATION = """
() => {
  const [one] = performance.getEntriesByType("navigation");
  return [one.responseStart - one.requestStart, one.domContentLoadedEventEnd, one.loadEventEnd,
    one.decodedBodySize];
}
"""
_POLLS = f"""
() => performance.getEntriesByType("resource").filter((one) => one.name.includes("{POLL}"))
  .map((one) => [one.responseStart - one.requestStart, one.responseStatus])
"""


def main(minutes: float) -> None:
    """Fill the site, look at its board, and print what it took."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Playwright's own loop runs in this thread, where Django would refuse every query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    site, path = address(), chromium()
    if site is None or path is None:
        sys.exit("Needs a running site (`make run`) and chromium on PATH.")
    embedded.hold()
    django.setup()
    people = demo_users("--orders=0")
    fill()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context(base_url=site, viewport={"width": 1024, "height": 768})
        page = context.new_page()
        page.goto("/admin/login/")
        page.locator("[name=username]").fill("operator1")
        page.locator("[name=password]").fill(people["operator1"]["password"])
        page.locator("[name=password]").press("Enter")
        page.wait_for_url("**/admin/board/")
        first_page(context)
        cdp = watched(page)
        polls(page, cdp)
        claim(page)
        memory(page, cdp, minutes)
        browser.close()


def fill() -> None:
    """As many orders ready to claim as are wanted, like those of the demo."""
    from events.vocabulary import Status, new_number
    from mes.models import WorkOrder

    ready = WorkOrder.objects.filter(status=Status.MANUFACTURING_APPROVED)
    samples, missing = list(ready[:100]), UNCLAIMED_ORDERS - ready.count()
    kept = ("title", "material", "quantity", "model", "price", "price_breakdown", "currency", "due_date")
    copies = (
        WorkOrder(
            number=new_number("A"),
            status=Status.MANUFACTURING_APPROVED,
            **{name: getattr(samples[one % len(samples)], name) for name in kept},
        )
        for one in range(missing)
    )
    WorkOrder.objects.bulk_create(copies, batch_size=1000)
    say("orders ready to claim", f"{ready.count():,}")


def first_page(context: BrowserContext) -> None:
    """The board, opened in a new tab: chromium's counters begin anew in each."""
    found = []
    for _ in range(VISITS):
        page = context.new_page()
        cdp = watched(page)
        page.goto("/admin/board/", wait_until="load")
        now = metrics(cdp)
        layout = now["LayoutDuration"] + now["RecalcStyleDuration"]
        found.append([*page.evaluate(_NAVIGATION), 1000 * now["ScriptDuration"], 1000 * layout])
        page.close()
    names = ("first byte", "content there", "loaded", "HTML in bytes", "scripts", "layout and style")
    for name, values in zip(names, zip(*found, strict=True), strict=True):
        say(f"first page: {name}", figures(values, "" if "bytes" in name else " ms"))


def polls(page: Page, cdp: CDPSession) -> None:
    """Polls of a board on which nothing happens."""
    page.goto("/admin/board/", wait_until="load")
    page.wait_for_timeout(3000)
    page.evaluate("performance.clearResourceTimings()")
    before = metrics(cdp)["ScriptDuration"]
    page.wait_for_timeout(POLLS * 2000)
    scripts = 1000 * (metrics(cdp)["ScriptDuration"] - before)
    unchanged = [took for took, status in page.evaluate(_POLLS) if status == 304]
    say(f"poll: first byte of {len(unchanged)} that were 304", figures(unchanged))
    say("poll: scripts, each", f"{scripts / POLLS:.2f} ms")


def claim(page: Page) -> None:
    """From the press of Claim to "Yours" in the row."""
    page.goto("/admin/board/", wait_until="load")
    buttons = page.locator("[data-claimable] .board-act button")
    say('claim: click to "Yours"', figures([buttons.first.evaluate(_CLAIM) for _ in range(CLAIMS)]))


def memory(page: Page, cdp: CDPSession, minutes: float) -> None:
    """What the page keeps after minutes of polls, an order coming and another one going every few seconds."""
    page.goto("/admin/board/", wait_until="load")
    page.wait_for_timeout(5000)
    before, rows, until = kept(cdp), page.locator(".board-row").count(), time.monotonic() + minutes * 60
    changes = 0
    while time.monotonic() < until:
        come_and_go()
        changes += 1
        page.wait_for_timeout(5000)
    after = kept(cdp)
    say("memory: minutes, changes", f"{minutes:g}, {changes}")
    say("memory: rows in the page", f"{rows} -> {page.locator('.board-row').count()}")
    for name, value in before.items():
        say(f"memory: {name}", f"{value:,.1f} -> {after[name]:,.1f}")


def come_and_go() -> None:
    """A new order on top, while one amid the page goes."""
    from events.vocabulary import Status, new_number
    from mes.models import WorkOrder

    ready = WorkOrder.objects.filter(status=Status.MANUFACTURING_APPROVED)
    middle = ready[20]
    WorkOrder.objects.create(
        number=new_number("A"),
        status=Status.MANUFACTURING_APPROVED,
        **{name: getattr(middle, name) for name in ("title", "material", "quantity", "model", "price")},
    )
    middle.status = Status.CANCELLED
    middle.save()


def kept(cdp: CDPSession) -> dict[str, float]:
    """What is still there after a garbage collection."""
    cdp.send("HeapProfiler.collectGarbage")
    now = metrics(cdp)
    return {
        "JavaScript heap, MB": now["JSHeapUsedSize"] / 1e6,
        "DOM nodes": now["Nodes"],
        "listeners": now["JSEventListeners"],
    }


def watched(page: Page) -> CDPSession:
    """A line to chromium's counters of the page."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    return cdp


def metrics(cdp: CDPSession) -> dict[str, float]:
    """Chromium's counters of the page."""
    return {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}


def figures(values: Sequence[float], unit: str = " ms") -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f}){unit}"


def say(name: str, value: str) -> None:
    """A line of the table."""
    print(f"{name:40} {value}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.browser", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of polling, for the memory")
    main(parser.parse_args().minutes)
