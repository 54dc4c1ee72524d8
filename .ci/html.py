"""What .ci/html does in the browser: `html.py BROWSER DIRECTORY-OF-PAGES DIRECTORY-FOR-PICTURES`."""

import json
import re
import sys
import time
from pathlib import Path

from browser import Browser, Failed

DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)
CHART = "document.querySelector('.sequence')"
IN_SIGHT = """(() => {
    const box = document.querySelector(%r)?.getBoundingClientRect();
    return !!box && box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
})()"""


class Look:
    """One page, one size, one scheme of colours."""

    def __init__(self, browser, pages, pictures):
        self.browser, self.pages, self.pictures, self.looks = browser, pages, pictures, 0

    def open(self, name, fragment="", phone=False, dark=False):
        width, height = (390, 844) if phone else (1400, 1000)
        self.browser.size(width, height, phone, dark)
        return self.browser.open(f"file://{self.pages}/{name}.html{fragment}")

    def end(self, what, picture=None):
        """Nothing was reported, nothing is wider than the window."""
        if self.browser.errors:
            raise Failed(f"{what}: the page reports {self.browser.errors[:3]}")
        excess = self.browser.value("document.documentElement.scrollWidth - innerWidth")
        if excess > 0:
            raise Failed(f"{what}: the page is {excess} pixels wider than the window")
        if picture:
            time.sleep(0.2)
            self.browser.picture(self.pictures / f"html-{picture}.png")
        self.looks += 1
        print(f"html: {what}")

    def must(self, expression, why):
        if not self.browser.value(expression):
            raise Failed(f"{why}: {expression} is {self.browser.value(expression)!r}")

    def sees(self, selector):
        self.browser.place(selector)
        self.must(IN_SIGHT % selector, f"{selector} is out of sight")

    def says(self, selector, text):
        # Lines of a drawing are broken without a blank.
        bare = json.dumps("".join(text.split()))
        said = f"document.querySelector({json.dumps(selector)})?.textContent.replace(/\\s/g, '')"
        self.must(f"{said}.includes({bare})", f"{selector} does not say {text!r}")


def corpus_by_keyboard(look):
    browser = look.browser
    look.open("corpus")
    look.says("h1", "Rejected")
    look.says(".list", "ack-goes-back")
    browser.key("/")
    browser.type("message-missing")
    browser.wait("document.querySelectorAll('.item').length === 1")
    browser.key("Enter")
    browser.wait("document.activeElement.classList.contains('item')")
    browser.key("Enter")
    browser.wait(f"/^#item-\\d+$/.test(location.hash) && !!{CHART}")
    look.sees(".row.wrong")
    look.says(".callout.bad", "Refused by NET-7")
    look.says(".gone", "9 missing")
    look.end("a rejection is found, opened and drawn, by keyboard alone", "rejection")
    browser.click(".row.wrong")
    look.says(".told", "OPTS 10 MSG GRANT")
    browser.key("ArrowUp")
    browser.wait("!document.querySelector('.told').textContent.includes('OPTS 10 MSG')")
    width = browser.value(f"{CHART}.getBoundingClientRect().width")
    browser.key("+")
    browser.wait(f"{CHART}.getBoundingClientRect().width > {width} * 1.2")
    browser.click(".tools button[title^=smaller]")
    browser.wait(f"Math.abs({CHART}.getBoundingClientRect().width - {width}) < 2")
    browser.wheel(".view", -200, is_ctrl=True)
    browser.wait(f"{CHART}.getBoundingClientRect().width > {width} * 1.2")
    top = browser.value("document.querySelector('.view').scrollTop")
    browser.drag(".view", 120)
    browser.wait(f"document.querySelector('.view').scrollTop < {top} - 60")
    browser.click(".tools input[type=checkbox]")
    browser.wait("document.querySelectorAll('.sequence .row').length > 40")
    browser.key("Escape")
    browser.wait("location.hash === ''")
    look.end("the chart tells of events, zooms, and closes")


def corpus_by_mouse(look):
    browser = look.browser
    look.open("corpus", dark=True)
    everything = browser.value("document.querySelectorAll('.item').length")
    browser.click(".chip.warn")
    browser.wait(f"document.querySelectorAll('.item').length < {everything} && document.querySelectorAll('.item').length > 0")
    look.must("[...document.querySelectorAll('.item .sr')].every((node) => node.textContent.startsWith('stalled'))", "the filter lets others through")
    browser.click(".chip.warn")
    browser.wait(f"document.querySelectorAll('.item').length === {everything}")
    browser.click(".item:nth-child(4)")
    browser.wait(f"location.hash !== '' && !!{CHART}")
    look.sees(".row.wrong")
    browser.key("n")
    browser.wait("document.querySelector('.item:nth-child(5)').getAttribute('aria-current') === 'true'")
    browser.key("?")
    look.sees("dialog[open]")
    browser.key("Escape")
    browser.wait("!document.querySelector('dialog[open]')")
    browser.key("j")
    browser.wait("document.activeElement.matches('.item:nth-child(6)')")
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    browser.key("t")
    look.must(f"getComputedStyle(document.body).backgroundColor !== {json.dumps(background)}", "the colours stay")
    browser.key("t")
    look.end("filter, list, keys and colours, in the dark", "rejection-dark")


def stall(look, phone, dark):
    browser = look.browser
    look.open("stall", phone=phone, dark=dark)
    look.says("h1", "stalled")
    look.says(".detail", "node 2 never sends it again")
    look.sees(".gone")
    look.says(".gone", "7860–7861 missing")
    look.says(".sequence", "node 1 waits for 7860")
    look.must("document.querySelectorAll('.sequence .stop').length > 3", "what is ignored is not marked")
    where = f"{'phone' if phone else 'desktop'}, {'dark' if dark else 'light'}"
    (browser.tap if phone else browser.click)(".row.wrong")
    look.says(".told", "OPTS 7862")
    look.end(f"the stall and the missing message are seen ({where})", f"stall-{'phone' if phone else 'desktop'}")
    look.sees(".timeline .stalled")
    look.says(".timeline", "FIN_WAIT1")
    look.end(f"the states over time are seen ({where})", f"states-{'phone' if phone else 'desktop'}")


def phone(look):
    browser = look.browser
    look.open("corpus", phone=True)
    look.must("getComputedStyle(document.querySelector('.detail')).display === 'none'", "list and details at once do not fit")
    look.end("the list fits a phone", "list-phone")
    browser.tap(".item")
    browser.wait(f"document.body.classList.contains('open') && !!{CHART}")
    look.sees(".row.wrong")
    look.end("a rejection is opened by a tap", "rejection-phone")
    width = browser.value(f"{CHART}.getBoundingClientRect().width")
    browser.pinch(".view", 2)
    browser.wait(f"{CHART}.getBoundingClientRect().width > {width} * 1.5")
    look.end("and enlarged with two fingers")
    browser.tap(".back")
    browser.wait("!document.body.classList.contains('open')")
    look.sees(".item")
    look.end("and closed again")


def check(look):
    browser = look.browser
    look.open("check")
    look.says("h1", "As expected")
    browser.click("a.cell.known")
    browser.wait("location.hash !== '' && !!document.querySelector('svg.mc')")
    look.sees("svg.mc")
    look.must("document.querySelectorAll('.steps li').length > 3", "the story is not told")
    look.end("a violated cell leads to its counterexample, drawn and told", "counterexample")


def hostile(look):
    look.open("hostile", "#item-0")
    look.sees(".row.wrong")
    look.says(".path", "a</script><img src=x onerror=window.hacked=1>/")
    look.must("window.hacked === undefined && !document.querySelector('#app img, #app script')", "a name is taken as markup")
    look.must("document.title.includes('<img')", "the title is not the name")
    look.end("a hostile name is shown, and is text")


def many(look):
    took = look.open("many")
    look.says(".top", "1000 files")
    look.must("document.querySelectorAll('.item').length === 200", "the list is not cut")
    look.says(".item", "zz-rejected")
    look.sees(".row.wrong")
    look.browser.click(".list > .more")
    look.browser.wait("document.querySelectorAll('.item').length === 1000")
    if took > 3:
        raise Failed(f"a thousand files take {took:.1f} s to open")
    look.end(f"a thousand files open in {took:.2f} s, the rejected one first")


def gate_report():
    """A report of the format midcomms-gate, with what is awkward in it."""
    bad = {"message": "after step 9 node 1 is in CLOSE_WAIT, and in ESTABLISHED </script><img src=x onerror=window.hacked=1>", "rule": "CLS-1", "detail": "1 add member\n2 <b>FIN</b>"}
    waived = {"message": "a stall", "waived": "known until the kernel is fixed", "file": "traces/kernel/stallhunt-k612.pcap.zst", "line": 14746}
    walks = [{"name": f"walk {n}", "verdict": "failed" if n == 7 else "good", "outcome": "200 steps", "seconds": 0.4, "findings": [bad] if n == 7 else []} for n in range(300)]
    steps = [
        {"name": "corpus", "verdict": "good", "outcome": "1 trace", "seconds": 3.2, "planned": 1, "units": [{"name": "stallhunt", "verdict": "good", "outcome": "stalled", "seconds": 3.1, "findings": [waived]}]},
        {"name": "drive", "verdict": "failed", "outcome": "1 walk differs", "seconds": 120.5, "planned": 300, "units": walks},
    ]
    cells = {"ESTABLISHED × receive FIN, users > 0": {"corpus": 3, "drive": 40}, "CLOSED × add member, users = 0": {"corpus": 0}}
    coverage = {"cells": cells, "rules": {"RCV-1": {"corpus": 5}}, "actions": {"LinkBreaks": {"drive": 9}}, "transitions": {"mild": {"covered": 7, "all": 9}}}
    return {"format": "midcomms-gate", "version": 1, "program": "0", "profile": "full", "seed": 42, "plan": "x", "verdict": "failed", "seconds": 123.7, "steps": steps, "coverage": coverage}


def gate(look):
    browser = look.browser
    page = (look.pages / "stall.html").read_text()
    data = json.loads(DATA.search(page).group(2))
    data.update(replay=None, gate=gate_report(), title="gate")
    text = json.dumps(data).replace("<", "\\u003c")
    (look.pages / "gate.html").write_text(DATA.sub(lambda found: found.group(1) + text + found.group(3), page, count=1))
    look.open("gate")
    look.says("h1", "Gate red")
    look.says(".detail", "1 walk differs")
    browser.click("td a")
    browser.wait("location.hash !== ''")
    look.says(".detail pre", "<b>FIN</b>")
    look.must("window.hacked === undefined && !document.querySelector('#app img, #app b:not(.chip b)')", "a finding is taken as markup")
    browser.click(".chip.soft")
    browser.wait("document.querySelectorAll('.item').length === 1")
    browser.click(".item")
    look.says(".detail", "known until the kernel is fixed")
    look.end("a gate's finding and its waiver are told", "gate")
    browser.click(".chip.soft")
    browser.click(".item:last-of-type")
    look.says(".detail", "receive FIN, users > 0")
    look.end("coverage is a table", "coverage")


def team(look):
    browser = look.browser
    look.open("team")
    look.says("h1", "Gate red")
    look.says(".detail", "number-skipped")
    browser.click("td a")
    browser.wait("location.hash !== ''")
    look.says(".detail pre", "error[NET-7]")
    look.end("the page of a real gate leads to its rejection", "team")


def main():
    program, pages, pictures = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    browser = Browser(program, pages / "profile")
    try:
        look = Look(browser, pages, pictures)
        corpus_by_keyboard(look)
        corpus_by_mouse(look)
        for is_phone in (False, True):
            for is_dark in (False, True):
                stall(look, is_phone, is_dark)
        phone(look)
        check(look)
        hostile(look)
        many(look)
        gate(look)
        team(look)
        print(f"html: {look.looks} looks, no errors, no request to any network")
    except Failed as failed:
        print(f"html: {failed} (see {pictures}/html-failed.png; the page reports {browser.errors[:3]})", file=sys.stderr)
        try:
            browser.picture(pictures / "html-failed.png")
        except Failed as also:
            print(f"html: there is no picture of it: {also}", file=sys.stderr)
        sys.exit(1)
    finally:
        browser.close()


main()
