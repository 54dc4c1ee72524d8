"""Drives a headless Chromium over --remote-debugging-pipe: real keys, clicks and taps, and every error that a page reports.

Used by .ci/html. Python's standard library only.
"""

import base64
import json
import os
import select
import subprocess
import time


class Failed(Exception):
    """What was looked for is not there."""


class Browser:
    """A browser with one page. `errors` has what the page reported."""

    def __init__(self, program, profile):
        to_browser, self.write_to = os.pipe()
        self.read_from, from_browser = os.pipe()

        def take_pipes():
            # Away from 3 and 4 first: one of the pipes may be there already.
            ends = [os.dup2(os.dup(end), 10 + place) for place, end in enumerate([to_browser, from_browser])]
            for place, end in zip((3, 4), ends):
                os.dup2(end, place, inheritable=True)

        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen([program, *arguments], preexec_fn=take_pipes, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session, self.errors = b"", 0, None, []
        target = self.call("Target.getTargets")["targetInfos"]
        page = next(info for info in target if info["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(10)

    def call(self, method, **parameters):
        """Sends a command and gives its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            told = self.message(60)
            if told.get("id") == self.number:
                if "error" in told:
                    raise Failed(f"{method}: {told['error']}")
                return told["result"]

    def message(self, seconds):
        """The next message of the browser; keeps what is an error of the page, or a request to anywhere else."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.read_from], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed("the browser does not answer")
            read = os.read(self.read_from, 1 << 20)
            if not read:
                raise Failed("the browser has ended")
            self.buffer += read
        line, self.buffer = self.buffer.split(b"\0", 1)
        told = json.loads(line)
        what, of = told.get("method"), told.get("params", {})
        if what == "Runtime.exceptionThrown":
            details = of["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif what == "Log.entryAdded" and of["entry"]["level"] in ("error", "warning"):
            self.errors.append(of["entry"]["text"])
        elif what == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning", "assert"):
            self.errors.append("console: " + " ".join(str(a.get("value", a.get("description"))) for a in of["args"]))
        elif what == "Network.requestWillBeSent" and not of["request"]["url"].startswith(("file:", "data:", "about:")):
            self.errors.append("it asks the network for " + of["request"]["url"])
        return told

    def size(self, width, height, is_phone=False, is_dark=False):
        """The window, and what the user prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        scheme = "dark" if is_dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        """Loads a page; gives the seconds until it can be used."""
        self.call("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'")
        began = time.monotonic()
        self.call("Page.navigate", url=url)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete' && !!document.querySelector('#app > *')")
        return time.monotonic() - began

    def value(self, expression):
        """What an expression is in the page."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in told:
            raise Failed(f"{expression}: {told['exceptionDetails'].get('exception', {}).get('description')}")
        return told["result"].get("value")

    def wait(self, expression, seconds=20):
        """Until an expression is true in the page."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.value(expression):
                    return
            except Failed as failed:
                if "context" not in str(failed):
                    raise
            time.sleep(0.03)
        raise Failed(f"never came true: {expression}")

    def place(self, selector):
        """The middle of what a selector finds, brought into view; fails where it cannot be seen."""
        found = self.value(f"""(() => {{
            const node = document.querySelector({json.dumps(selector)});
            if (!node) return null;
            node.scrollIntoView({{ block: "center", inline: "nearest", behavior: "instant" }});
            const box = node.getBoundingClientRect();
            const x = (Math.max(0, box.left) + Math.min(innerWidth, box.right)) / 2, y = (Math.max(0, box.top) + Math.min(innerHeight, box.bottom)) / 2;
            const top = document.elementFromPoint(x, y);
            return {{ x, y, seen: box.width > 0 && box.height > 0 && !!top && (node.contains(top) || top.contains(node)) }};
        }})()""")
        if not found:
            raise Failed(f"there is no {selector}")
        if not found["seen"]:
            raise Failed(f"{selector} cannot be seen")
        return found["x"], found["y"]

    def click(self, selector):
        """Presses the mouse, as a user does."""
        x, y = self.place(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def wheel(self, selector, down, is_ctrl=False):
        """Turns the wheel, so many pixels down."""
        x, y = self.place(selector)
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down, modifiers=2 if is_ctrl else 0)

    def drag(self, selector, down):
        """Holds the mouse and moves it, so many pixels down."""
        x, y = self.place(selector)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", buttons=1, clickCount=1)
        for part in (0.5, 1):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y + down * part, button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y + down, button="left", clickCount=1)

    def pinch(self, selector, wider):
        """Two fingers, that come to be so many times as far apart."""
        x, y = self.place(selector)
        fingers = lambda apart: [{"x": x, "y": y - apart, "id": 0}, {"x": x, "y": y + apart, "id": 1}]
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=fingers(40))
        for part in (0.3, 0.6, 1):
            self.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=fingers(40 * (1 + (wider - 1) * part)))
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def tap(self, selector):
        """Touches it."""
        x, y = self.place(selector)
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key):
        """Presses a key: a letter, or a name such as `Enter`."""
        codes = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text):
        """Presses one key after the other."""
        for letter in text:
            self.key(letter)

    def picture(self, path, whole=False):
        """Saves what is seen; the whole page, if wanted."""
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as out:
            out.write(base64.b64decode(told["data"]))
