"""A real Chromium that looks at a map: bytes over the wire, the moment the heat layer is painted, frames while it is dragged, heap."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, Request, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without the limit of 60 frames a second, so that a frame takes what it takes; no host but ours can be found.
_ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--disable-frame-rate-limit", "--disable-gpu-vsync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
# The heat's canvas, whoever made it, is painted in the frame after it holds a pixel that can be seen.
_WATCH = """
(() => {
  const small = Object.assign(document.createElement("canvas"), { width: 128, height: 80 });
  const pen = small.getContext("2d", { willReadFrequently: true });
  const look = () => {
    const heat = document.querySelector("canvas.linli-heat, canvas.leaflet-heatmap-layer");
    if (heat && heat.width && heat.height) {
      pen.clearRect(0, 0, 128, 80);
      pen.drawImage(heat, 0, 0, 128, 80);
      if (pen.getImageData(0, 0, 128, 80).data.some((value, i) => i % 4 === 3 && value > 0)) {
        requestAnimationFrame(() => setTimeout(() => { window.benchPainted = performance.now(); }));
        return;
      }
    }
    setTimeout(look, 5);
  };
  look();
})();
"""
# Drags as a hand does, a step a frame, there and back; what follows the last step of a drag counts as well, for then layers are drawn anew.
_DRAG = """
async ({ drags, steps, step }) => {
  const frame = () => new Promise(requestAnimationFrame);
  const box = document.querySelector(".leaflet-container").getBoundingClientRect();
  const [x, y] = [box.left + box.width * 0.6, box.top + box.height * 0.5];
  const held = document.elementFromPoint(x, y);
  const say = (kind, at) => held.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true, view: window, button: 0, buttons: 1, clientX: at, clientY: y }));
  const pane = document.querySelector(".leaflet-map-pane");
  const times = [];
  let moved = 0;
  for (let drag = 0; drag < drags; drag += 1) {
    const before = pane.style.transform;
    const way = drag % 2 ? -step : step;
    say("mousedown", x);
    let last = await frame();
    for (let i = 1; i <= steps; i += 1) {
      say("mousemove", x + way * i);
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    moved += pane.style.transform !== before ? 1 : 0;
    const until = performance.now() + 120; // no run-out afterwards
    while (performance.now() < until) { say("mousemove", x + way * steps); await frame(); }
    last = await frame();
    say("mouseup", x + way * steps);
    for (let i = 0; i < 2; i += 1) { const now = await frame(); times.push(now - last); last = now; }
  }
  return { mean: times.reduce((a, b) => a + b, 0) / times.length, most: Math.max(...times), frames: times.length, moved };
}
"""
_DRAGS = {"drags": 6, "steps": 40, "step": 4}


@dataclass
class Opened:
    """A page in an empty browser, and what has come over the wire for it."""

    page: Page
    wire: CDPSession
    bytes_of: dict[str, int] = field(default_factory=dict)
    """Address → bytes, headers included."""
    _open: dict[str, str] = field(default_factory=dict)
    """Request → address, until it has ended; live streams are not in it, for they never do."""

    def bytes(self) -> int:
        """Return all bytes so far."""
        return sum(self.bytes_of.values())

    def painted_ms(self) -> float:
        """Wait until the heat layer is painted; return milliseconds since the navigation began."""
        self.page.wait_for_function("() => window.benchPainted", timeout=120_000)
        return float(self.page.evaluate("() => window.benchPainted"))

    def settle(self) -> None:
        """Wait until nothing more is loaded or drawn."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function("() => !document.querySelector('[aria-busy=true]')", timeout=120_000)
        quiet, limit = 0, time.monotonic() + 120
        while quiet < 3:
            self.page.wait_for_timeout(250)
            quiet = 0 if self._open else quiet + 1
            if time.monotonic() > limit:
                raise AssertionError(f"never done: {list(self._open.values())}")

    def frame_ms(self) -> tuple[float, float]:
        """Drag the map; return the mean and the longest time of a frame in milliseconds."""
        told = self.page.evaluate(_DRAG, _DRAGS)
        if told["moved"] != _DRAGS["drags"]:
            raise AssertionError(f"the map was not dragged: {told}")
        return told["mean"], told["most"]

    def heap_bytes(self) -> int:
        """Return what JavaScript holds after its rubbish was collected."""
        self.wire.send("HeapProfiler.collectGarbage")
        metrics = self.wire.send("Performance.getMetrics")["metrics"]
        return int(next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize"))


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run the machine's Chromium, or the one that Playwright has brought."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Browser, address: str, token: str = "") -> Iterator[Opened]:
    """Open an address with an empty cache, signed in with a session's token."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    try:
        if token:
            at = urlsplit(address)
            context.add_cookies([{"name": "linli_session", "value": token, "url": f"{at.scheme}://{at.netloc}"}])
        context.add_init_script(_WATCH)
        page = context.new_page()
        failed: list[str] = []
        page.on("requestfailed", lambda asked: failed.append(asked.url) if not _given_up(asked) else None)
        page.on(
            "response",
            lambda answer: failed.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )
        wire = context.new_cdp_session(page)
        told = Opened(page, wire)
        _count(told)
        wire.send("Network.enable")
        wire.send("Performance.enable")
        page.goto(address, wait_until="commit", timeout=120_000)
        yield told
        if failed:
            raise AssertionError(f"{address}: {failed}")
    finally:
        context.close()


def _given_up(asked: Request) -> bool:
    """Tell whether a request was called off by the page itself (a stream that is closed, a newer question)."""
    return "ERR_ABORTED" in (asked.failure or "")


def _count(told: Opened) -> None:
    def sent(event: dict[str, Any]) -> None:
        if event["type"] != "EventSource":
            told._open[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        address = told._open.pop(event["requestId"], "")
        told.bytes_of[address] = told.bytes_of.get(address, 0) + int(event["encodedDataLength"])

    told.wire.on("Network.requestWillBeSent", sent)
    told.wire.on("Network.loadingFinished", finished)
    told.wire.on("Network.loadingFailed", lambda event: told._open.pop(event["requestId"], None))


def parts(told: Opened) -> dict[str, int]:
    """Return bytes by kind of file: page, scripts and styles, tiles, answers."""
    kinds = {"page": 0, "files": 0, "tiles": 0, "answers": 0}
    for address, size in told.bytes_of.items():
        path = urlsplit(address).path
        kind = (
            "tiles" if path.startswith("/tiles") else "answers" if path.startswith("/api")
            else "files" if Path(path).suffix in {".js", ".css", ".svg", ".png"} else "page"
        )  # fmt: skip
        kinds[kind] += size
    return kinds
