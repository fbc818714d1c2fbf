"""The picture: what is in it, that nothing in a name can break out of it, and that it can be explored in a real browser."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from catena.records import Topic
from catena.taxonomy.picture import picture
from catena.taxonomy.tree import Tree, merge, prune, tree_of

BREAKOUT = '</script><script>document.title="BROKEN"</script><img src=x onerror=document.title="BROKEN"><!--'
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")


def a_tree() -> Tree:
    leaves = {"m/algebra/groups": 4, "m/algebra/rings": 4, "m/geometry/curves": 8, "p/optics/lenses": 8, "p/heat": 1}
    return tree_of(Topic(tuple(leaf.split("/")), quota, f"About {leaf}.") for leaf, quota in leaves.items())


def data_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_data_holds_live_topics_parents_first() -> None:
    tree = prune(merge(a_tree(), ("m", "algebra", "groups"), ("m", "algebra", "rings"), "same"), ("p", "heat"), "no")
    data = data_of(picture(tree, {("m", "algebra", "groups"): 3, ("m", "algebra", "rings"): 2}))
    names = [topic[1] for topic in data["topics"]]
    assert names == ["m", "algebra", "rings", "geometry", "curves", "p", "optics", "lenses"]
    assert [topic[0] for topic in data["topics"]] == [-1, 0, 1, 0, 3, -1, 5, 6]
    assert data["topics"][2][3:5] == [4, 5]
    assert (data["identity"], data["counted"]) == (tree.identity, True)
    assert data_of(picture(tree))["counted"] is False


def test_the_page_asks_for_nothing_and_allows_its_own_script_and_style_alone() -> None:
    page = picture(a_tree())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for rule, element in (("script-src", "script"), ("style-src", "style")):
        (inline,) = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert not re.search(r'\s(src|href|srcset|action|style|on\w+)\s*=\s*["\']', page)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|\beval\(", page)
    assert set(re.findall(r"https?://[^\s\"'<)]*", page)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    "text",
    [
        BREAKOUT,
        "</script x><img>",
        "</script/",
        "<!--<script>",
        "]]>",
        "@DATA@",
        "@SCRIPT@",
        "\u2028\u2029\x00\x1b[2J\u202e",
    ],
)
def test_nothing_in_a_name_or_description_becomes_html(text: str) -> None:
    page = picture(tree_of([Topic((text, text), description=text, origin=text)]))
    elements: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: elements.append(tag)  # type: ignore[method-assign]
    parser.feed(page)
    assert elements.count("script") == 2
    assert "<" not in page.split('id="data">')[1].split("</script>\n<script>")[0]
    assert "img" not in elements
    name = data_of(page)["topics"][1][1]
    assert name.isprintable()
    assert name.startswith("\\u2028") or name == text


# --- in a browser


class Browser:
    """Chromium through its debugging pipe: JSON messages, each ended by a zero byte."""

    def __init__(self, profile: Path) -> None:
        read, self._to = os.pipe()
        self._from, write = os.pipe()
        flags = f"--headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={profile}"
        command = f"exec '{CHROMIUM}' {flags} about:blank 3<&{read} 4>&{write}"
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(["bash", "-c", command], pass_fds=(read, write), stdout=null, stderr=null)
        os.close(read)
        os.close(write)
        self.events: list[dict[str, Any]] = []
        self._rest, self._count, self._session = b"", 0, {}
        pages = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        os.write(
            self._to,
            json.dumps({"id": self._count, "method": method, "params": params, **self._session}).encode() + b"\0",
        )
        while True:
            while b"\0" not in self._rest:
                self._rest += os.read(self._from, 1 << 16) or pytest.fail("the browser ended")
            line, self._rest = self._rest.split(b"\0", 1)
            message = json.loads(line)
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def open(self, url: str, width: int = 1280, height: int = 860) -> None:
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.js("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def js(self, code: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def key(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def click(self, label: str) -> None:
        """Clicks the arc of a topic, wherever it is the uppermost."""
        x, y = self.js(f"""(() => {{
            const arc = [...document.querySelectorAll("path")].find(one => one.getAttribute("aria-label").startsWith({label!r}));
            for (let y = 0; y < innerHeight; y += 6)
                for (let x = 0; x < innerWidth; x += 6)
                    if (document.elementFromPoint(x, y) === arc) return [x, y];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def until(self, code: str) -> None:
        """Waits until `code` is true."""
        end = time.monotonic() + 20
        while not self.js(code):
            assert time.monotonic() < end, f"never true: {code}; now at {self.js('location.hash')}"
            time.sleep(0.02)

    @property
    def trail(self) -> str:
        return self.js("document.getElementById('trail').textContent")

    @property
    def detail(self) -> list[str]:
        return self.js("[...document.getElementById('detail').children].map(one => one.textContent)")

    @property
    def listed(self) -> list[str]:
        return self.js("[...document.querySelectorAll('#list button span:nth-child(2)')].map(one => one.textContent)")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.call("Browser.close")
    found.process.wait(20)


def written(folder: Path, page: str) -> str:
    (folder / "tree.html").write_text(page, encoding="utf-8")
    return (folder / "tree.html").as_uri()


@needs_browser
def test_a_click_zooms_in_and_the_centre_and_escape_zoom_out(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, picture(a_tree())))
    assert (browser.trail, browser.listed) == ("all topics", ["m", "p"])
    browser.click("algebra")
    browser.until(
        "location.hash === '#m/algebra' && document.getElementById('trail').textContent === 'all topics/m/algebra'"
    )
    assert browser.listed == ["groups", "rings"]
    browser.key("Escape")
    browser.until("document.getElementById('trail').textContent === 'all topics/m'")
    browser.js("document.querySelector('circle').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    browser.until("location.hash === '' && document.getElementById('trail').textContent === 'all topics'")
    browser.js("history.back()")
    browser.until("location.hash === '#m'")


@needs_browser
def test_the_keyboard_walks_zooms_and_searches(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, picture(a_tree())))
    browser.js("document.getElementById('sun').focus()")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        browser.key(key)
    assert browser.detail[:2] == ["m", "geometry"]
    assert browser.js("document.getElementById(document.getElementById('sun').getAttribute('aria-activedescendant')).getAttribute('aria-label')") == "geometry, 1 leaf, quota 8"  # fmt: skip
    browser.key("Enter")
    browser.until("document.getElementById('trail').textContent === 'all topics/m/geometry'")
    browser.key("/")
    browser.call("Input.insertText", text="RIN")
    browser.until("document.querySelector('#list .note') !== null")
    assert browser.listed == ["rings"]
    browser.key("Enter")
    browser.until(
        "location.hash === '#m/algebra/rings' && document.querySelector('#detail h2').textContent === 'rings'"
    )
    assert browser.detail[:3] == ["m / algebra", "rings", "About m/algebra/rings."]
    assert browser.js("document.querySelectorAll('path.hit').length") == 1


@needs_browser
@pytest.mark.parametrize(("fragment", "trail"), [("m/algebra", "all topics/m/algebra"), ("m/algebra/rings", "all topics/m/algebra"), ("m/nothing", "all topics/m"), ("%E0%A4%A", "all topics")])  # fmt: skip
def test_a_fragment_opens_the_page_at_its_topic(browser: Browser, tmp_path: Path, fragment: str, trail: str) -> None:
    browser.open(written(tmp_path, picture(a_tree())) + f"#{fragment}")
    assert browser.trail == trail


@needs_browser
def test_rows_fill_quotas_and_colour_what_is_missing(browser: Browser, tmp_path: Path) -> None:
    rows = {("m", "algebra", "groups"): 9, ("m", "algebra", "rings"): 1, ("m", "geometry", "curves"): 4}
    browser.open(written(tmp_path, picture(a_tree(), rows)))
    assert "14 of 25 rows" in browser.js("document.getElementById('summary').textContent")
    browser.js(
        "(() => { const one = document.getElementById('colour'); one.value = 'filled'; one.dispatchEvent(new Event('change')); })()"
    )
    kinds = browser.js("Object.fromEntries([...document.querySelectorAll('path')].map(one => [one.getAttribute('aria-label').split(',')[0], ['none', 'few', 'most', 'full'].find(kind => one.classList.contains(kind))]))")  # fmt: skip
    assert kinds == {"m": "most", "algebra": "most", "groups": "full", "rings": "few", "geometry": "most", "curves": "most", "p": "none", "optics": "none", "lenses": "none", "heat": "none"}  # fmt: skip


@needs_browser
def test_hostile_names_run_nothing_ask_for_nothing_and_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    tree = tree_of([Topic((BREAKOUT, "a/b", "100% %zz")), Topic((BREAKOUT, "x" * 5_000)), Topic(("\x1b[31m",))])
    browser.open(written(tmp_path, picture(tree)))
    browser.js("go(1)")
    browser.until("document.getElementById('trail').textContent.length > 20")
    browser.js("go(3)")
    browser.until("document.querySelector('#detail h2').textContent === '100% %zz'")
    assert browser.js("decodeURIComponent(location.hash.split('/').at(-1))") == "100% %zz"
    assert browser.js("document.title").startswith("Topic tree")
    assert browser.detail[1] == "100% %zz"
    assert browser.js("document.querySelectorAll('img, script').length") == 2
    asked = {
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    }
    assert {url.split("#")[0] for url in asked} <= {(tmp_path / "tree.html").as_uri()}
    assert [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_two_thousand_leaves_are_all_drawn_and_fit_the_width(browser: Browser, tmp_path: Path, width: int) -> None:
    tree = tree_of(Topic((f"s{number % 8}", f"a{number % 64}", f"topic {number}")) for number in range(2_000))
    browser.open(written(tmp_path, picture(tree)), width=width, height=844)
    assert browser.js("document.querySelectorAll('path').length") == 2_000 + 64 + 8
    assert browser.js("document.documentElement.scrollWidth") <= width
    assert browser.js("document.getElementById('sun').getBoundingClientRect().width") > 340
    assert [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []


@needs_browser
def test_trees_too_large_to_draw_and_trees_of_nothing_open(browser: Browser, tmp_path: Path) -> None:
    large = tree_of(Topic((f"s{number % 4}", f"a{number % 40}", f"topic {number}")) for number in range(20_000))
    browser.open(written(tmp_path, picture(large)))
    assert browser.js("document.querySelectorAll('path').length") == 4 + 40 + 40
    assert "20,000 leaves" in browser.js("document.getElementById('summary').textContent")
    browser.open(written(tmp_path, picture(tree_of([]))))
    assert browser.js("document.getElementById('summary').textContent").startswith("0 subjects")
    assert [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []
