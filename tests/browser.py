"""Headless Chromium, driven over DevTools' pipe: what tests and pictures of pages need.

As a program it takes pictures of pages: ``python tests/browser.py PAGE.html PICTURE.png --width 1280``.
"""

import argparse
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)

START = """
import os, sys
_, commands, answers, *words = sys.argv
os.dup2(int(commands), 3)
os.dup2(int(answers), 4)
os.execv(words[0], words)
"""
"""Chromium reads commands from descriptor 3 and writes answers to 4."""

PATIENCE = 60.0
"""Seconds for one answer, on a machine that is busy with other things."""

KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


def installed():
    """Return the program, None where there is none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


def contrast(*colours):
    """Return the contrast of two colours such as #1b2126, as WCAG has it: from 1 to 21."""
    one, other = sorted(map(_luminance, colours))
    return (other + 0.05) / (one + 0.05)


def _luminance(colour):
    parts = [int(colour.strip()[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


class Browser:
    """One browser with one page; a context manager."""

    def __init__(self, width=1280, height=900, *, dark=False, scale=1):
        self.size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.dark = dark
        self.last, self.buffer, self.events, self.session = 0, b"", [], None

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self.write = os.pipe()
        self.read, answers = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]
        words = [installed(), *FLAGS, f"--user-data-dir={self.home.name}", "about:blank"]
        start = [sys.executable, "-ISc", START, *map(str, ends), *words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "HOME": self.home.name}
        self.process = subprocess.Popen(start, pass_fds=ends, env=environment, **quiet)
        for end in (commands, answers, *ends):
            os.close(end)
        [target] = [it for it in self.call("Target.getTargets")["targetInfos"] if it["type"] == "page"]
        attach = {"targetId": target["targetId"], "flatten": True}
        self.session = self.call("Target.attachToTarget", **attach)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", **self.size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            os.write(self.write, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for end in (self.read, self.write):
            os.close(end)
        self.home.cleanup()

    def call(self, method, **parameters):
        """Send a command and return its answer; events that come before it are kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _next(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self.read, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError("the browser does not answer")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, path):
        """Load a page from disk and wait until it is there."""
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def js(self, expression):
        """Return the value of an expression on the page; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression):
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.js(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def click(self, selector):
        """Click on the middle of the first element that a selector finds, with the mouse."""
        x, y = self._still(f"document.querySelector({json.dumps(selector)})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector):
        """Point at the middle of the first element that a selector finds."""
        x, y = self._still(f"document.querySelector({json.dumps(selector)})")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def _still(self, element):
        """Scroll an element into view, and return its middle once it stands still.

        What comes into view may be laid out only then, and move it.
        """
        before, end = None, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.js(f"{element}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
            self.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")
            middle = self.js(
                f"(r => [r.x + r.width / 2, r.y + r.height / 2])({element}.getBoundingClientRect())"
            )
            if middle == before:
                return middle
            before = middle
        raise TimeoutError(f"{element} does not stand still")

    def press(self, key):
        """Press a key."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        about = {"key": key, "windowsVirtualKeyCode": KEYS[key], "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text):
        """Type text into what has the focus."""
        self.call("Input.insertText", text=text)

    @property
    def complaints(self):
        """What the page wrote to the console, threw or was refused."""
        self.js("0")  # what happened before is here by now
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event["params"] for event in self.events if event.get("method") in kinds]

    @property
    def requests(self):
        """Addresses that the page asked for."""
        self.js("0")
        asked = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in asked]

    def picture(self, path, *, whole=False):
        """Write what is seen, or the whole page, as a PNG."""
        shot = self.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole)
        )
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def _clip(self, whole):
        if not whole:
            return {}
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {**size, "scale": 1}}

    def printed(self):
        """Return the page as a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


def main():
    """Take a picture of a page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--at", help="selector of what stands at the top; the top of the page unless given")
    parser.add_argument("--whole", action="store_true", help="the whole page, not one screen of it")
    given = parser.parse_args()
    with Browser(given.width, given.height, dark=given.dark, scale=given.scale) as browser:
        browser.open(given.page)
        if given.at:
            browser.js(
                f"document.querySelector({json.dumps(given.at)}).scrollIntoView({{behavior: 'instant'}})"
            )
            time.sleep(0.3)
        browser.picture(given.picture, whole=given.whole)


if __name__ == "__main__":
    main()
