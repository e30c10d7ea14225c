"""A real browser for tests: Debian's Chromium without a window, told what to do over a pipe (the DevTools protocol)."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FOUND = next((path for name in NAMES if (path := shutil.which(name))), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 30.0
KEYS = {"Tab": 9, "Enter": 13}


@dataclass
class Page:
    """A page that is open, what it asked for, and what it complained of."""

    out: Any
    into: Any
    session: str = ""
    number: int = 0
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def tell(self, method: str, **params: Any) -> Any:
        """Give an order; what is answered. Events that come meanwhile are noted."""
        self.number += 1
        order: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if self.session:
            order["sessionId"] = self.session
        self.into.write(json.dumps(order).encode() + b"\0")
        self.into.flush()
        while True:
            heard = self._hear()
            if heard.get("id") == self.number:
                assert "error" not in heard, heard["error"]
                return heard["result"]

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Until the expression is true; it is asked again and again, as a reader would look again."""
        until = time.monotonic() + PATIENCE
        while not self.run(f"(() => {{ try {{ return !!({script}) }} catch {{ return false }} }})()"):
            assert time.monotonic() < until, (
                f"never true: {script}; the page: {self.run('document.body.innerText')[:2000]}"
            )
            time.sleep(0.05)

    def text(self, name: str) -> str:
        """What a reader sees of the element with this id."""
        return str(self.run(f"document.getElementById({json.dumps(name)}).innerText"))

    def set(self, name: str, value: str) -> None:
        """Give a field another value, as by hand."""
        told = f"Object.assign(document.getElementById({json.dumps(name)}), {{ value: {json.dumps(value)} }})"
        self.run(f"{told}.dispatchEvent(new Event('change', {{ bubbles: true }}))")

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str, text: str = "") -> None:
        """A key of the keyboard, as the reader's finger would."""
        for kind in ("keyDown", "keyUp"):
            self.tell(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], text=text
            )

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"])

    def size(self, width: int, height: int = 900) -> None:
        self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700
        )

    def prefer(self, medium: str = "", **features: str) -> None:
        """What the reader has chosen, such as color-scheme dark, or print for a medium."""
        chosen = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self.tell("Emulation.setEmulatedMedia", media=medium, features=chosen)

    def pass_time(self, seconds: int) -> None:
        """Let the page's clock run on by so many seconds at once, except while it waits for an answer; then it stands still."""
        self.tell("Emulation.setVirtualTimePolicy", policy="pauseIfNetworkFetchesPending", budget=1000 * seconds)
        while self._hear().get("method") != "Emulation.virtualTimeBudgetExpired":
            pass

    def open(self, address: str) -> None:
        self.tell("Page.navigate", url=address)

    def _hear(self) -> dict[str, Any]:
        heard = bytearray()
        while (byte := self.out.read(1)) != b"\0":
            assert byte, "the browser has ended"
            heard += byte
        found: dict[str, Any] = json.loads(heard)
        self._note(found.get("method"), found.get("params", {}))
        return found

    def _note(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """A browser with one page, its profile in the folder."""
    assert FOUND is not None
    reads, writes = os.pipe(), os.pipe()

    def hand_over() -> None:
        # By way of higher numbers: either pipe may itself be 3 or 4, and would be closed over or at exec.
        ours = fcntl.fcntl(reads[0], fcntl.F_DUPFD_CLOEXEC, 10), fcntl.fcntl(writes[1], fcntl.F_DUPFD_CLOEXEC, 10)
        os.dup2(ours[0], 3)
        os.dup2(ours[1], 4)

    command = [FOUND, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    with (folder / "browser.log").open("wb") as log:
        browser = subprocess.Popen(command, stdout=log, stderr=log, close_fds=False, preexec_fn=hand_over)
    os.close(reads[0])
    os.close(writes[1])
    try:
        with os.fdopen(reads[1], "wb") as into, os.fdopen(writes[0], "rb") as out:
            page = Page(out, into)
            (target,) = [one for one in page.tell("Target.getTargets")["targetInfos"] if one["type"] == "page"]
            page.session = page.tell("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                page.tell(f"{domain}.enable")
            yield page
    finally:
        _end(browser)


def _end(browser: subprocess.Popen[bytes]) -> None:
    """It ends by itself when its pipe is closed, and its children with it; killed, it would leave them writing into its profile."""
    try:
        browser.wait(timeout=PATIENCE)
    finally:
        browser.kill()
        browser.wait()
