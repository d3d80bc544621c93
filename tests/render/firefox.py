"""Drive Firefox in a virtual display through Marionette: no driver, no network, no dependency."""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
PATIENCE = 120  # seconds until an answer is missed
PREFERENCES = {
    "marionette.port": 0,  # any free one
    "toolkit.legacyUserProfileCustomizations.stylesheets": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.proxy.type": 1,  # names are looked up by a proxy that is not there
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.share_proxy_settings": True,
    "webgl.force-enabled": True,
    "webgl.disable-fail-if-major-performance-caveat": True,
}
NARROW = ":root { min-width: 0 !important; }"  # windows as narrow as a phone


class Firefox:
    """One page in one Firefox, light or dark. Headless, it would have no WebGL."""

    def __init__(self, *, dark: bool = False) -> None:
        assert FIREFOX, "no Firefox: apt-get install firefox-esr"
        self.profile = tempfile.TemporaryDirectory()
        home = Path(self.profile.name)
        scheme = {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in {**PREFERENCES, **scheme}.items()
        )
        (home / "user.js").write_text("\n".join(lines))
        (home / "chrome").mkdir()
        (home / "chrome" / "userChrome.css").write_text(NARROW)
        display = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]
        command = [*display, FIREFOX, "--marionette", "--no-remote", "--profile", str(home)]
        self.dark = dark
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.connection = socket.create_connection(("127.0.0.1", self._port()), PATIENCE)
        self.answers = self.connection.makefile("rb")
        self._receive()  # a greeting
        self.n_sent = 0
        self.call("WebDriver:NewSession", capabilities={})

    def _port(self) -> int:
        chosen = Path(self.profile.name) / "MarionetteActivePort"
        deadline = time.monotonic() + PATIENCE
        while not chosen.exists() or not chosen.read_text():
            assert time.monotonic() < deadline, "Firefox does not start"
            time.sleep(0.05)
        return int(chosen.read_text())

    def _receive(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            digits += self.answers.read(1)
        return json.loads(self.answers.read(int(digits[:-1])))

    def call(self, command: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self.n_sent += 1
        message = json.dumps([0, self.n_sent, command, params]).encode()
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        assert error is None, error
        return result

    def resize(self, width: int, height: int) -> None:
        """Give the page a size, in pixels."""
        for _ in range(3):  # the window is larger than the page by what surrounds it
            inner = self.js("[innerWidth, innerHeight]")
            outer = self.call("WebDriver:GetWindowRect")
            size = {
                "width": outer["width"] + width - inner[0],
                "height": outer["height"] + height - inner[1],
            }
            self.call("WebDriver:SetWindowRect", **size)
        assert self.js("innerWidth") == width

    def open(self, path: Path, ready: str = "document.readyState == 'complete'") -> None:
        """Open a file and wait until a JavaScript expression is true."""
        self.call("WebDriver:Navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE
        while not self.js(f"Boolean({ready})"):
            assert time.monotonic() < deadline, f"waited in vain for {ready}"
            time.sleep(0.05)

    def js(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value."""
        script = f"return ({expression})"
        return self.call("WebDriver:ExecuteScript", script=script, args=[], sandbox=None)["value"]

    def screenshot(self) -> np.ndarray:
        """Return the pixels of the visible page, ``(height, width, 3)``."""
        data = self.call("WebDriver:TakeScreenshot", full=False)["value"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))

    def close(self) -> None:
        """End Firefox and delete its profile."""
        self.call("Marionette:Quit", flags=["eForceQuit"])
        self.connection.close()
        self.process.wait(20)
        self.profile.cleanup()
