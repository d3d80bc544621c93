"""Drive headless Chromium through its debugging pipe: no driver, no network, no dependency."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FLAGS = (
    "--headless=new",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # every name is unknown: nothing can be fetched
    "--window-size=760,560",
    "--remote-debugging-pipe",
)
PATIENCE = 120  # seconds until an answer is missed
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Browser:
    """One page in one headless Chromium."""

    def __init__(self) -> None:
        assert CHROMIUM, "no Chromium: apt-get install chromium"
        self.profile = tempfile.TemporaryDirectory()
        ours, theirs = os.pipe(), os.pipe()  # we write to ours[1] and read from theirs[0]
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]

        def wire() -> None:  # Chromium reads from descriptor 3 and writes to 4
            source, sink = os.dup(ours[0]), os.dup(theirs[1])
            os.dup2(source, 3)
            os.dup2(sink, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self.writer, self.reader = ours[1], theirs[0]
        self.numbers, self.buffer, self.events = itertools.count(1), b"", []
        self.session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self.numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reader], [], [], PATIENCE)
            assert ready, f"Chromium has not answered for {PATIENCE} s"
            chunk = os.read(self.reader, 1 << 20)
            assert chunk, "Chromium has stopped"
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path, ready: str = "document.querySelector('main[data-drawn]')") -> float:
        """Open a file, wait until it has drawn, and return how many seconds that took."""
        self.events.clear()
        began = time.perf_counter()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait(ready)
        return time.perf_counter() - began

    def wait(self, condition: str, seconds: float = 60.0) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"waited in vain for {condition}: {self.errors()}"
            time.sleep(0.05)

    def js(self, expression: str) -> Any:
        """Evaluate JavaScript and return its value."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def screenshot(self) -> np.ndarray:
        """Return the page's pixels, ``(height, width, 3)``."""
        self.js("window.pyrnn && window.pyrnn.viewers.forEach(viewer => viewer.paint())")
        data = self.call("Page.captureScreenshot", format="png")["data"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        button = "left" if buttons or kind == "mouseReleased" else "none"
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons,
            clickCount=1,
        )  # fmt: skip

    def click(self, x: float, y: float) -> None:
        """Move to a place and click."""
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, buttons=1)
        self.mouse("mouseReleased", x, y)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 4) -> None:
        """Press, move in steps, and release."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, buttons=1)
        for share in np.linspace(0, 1, steps + 1)[1:]:
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", float(x), float(y), buttons=1)
        self.mouse("mouseReleased", *end)

    def key(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def type(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key so that the browser itself acts on it, as on Tab."""
        for kind in ("keyDown", "keyUp"):
            words = {"text": text} if text and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **words
            )

    def requests(self) -> list[str]:
        """Return every address that pages asked for."""
        sent = [e for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def errors(self) -> list[str]:
        """Return the text of every exception thrown in a page."""
        thrown = [e for e in self.events if e.get("method") == "Runtime.exceptionThrown"]
        return [json.dumps(event["params"]["exceptionDetails"])[:600] for event in thrown]

    def close(self) -> None:
        """End Chromium and delete its profile."""
        self.session = None
        self.call("Browser.close")
        self.process.wait(20)
        os.close(self.writer)
        os.close(self.reader)
        self.profile.cleanup()
