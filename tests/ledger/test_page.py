"""The page that plays a run again, in a real browser: what it shows when, and what it can never do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from felix.events import Record
from felix.ledger.export import html
from felix.ledger.replay import Replay
from tests.ledger.runs import folded, records, with_call, with_texts
from tests.servers import browser
from tests.servers.browser import Browser
from tests.team.scripted import says

CALLED_AFTER = 20
ARTEFACTS = Path(__file__).parents[2] / "artefacts"

SHOWN = """[...document.querySelectorAll("[data-number]")].sort(
  (a, b) => a.dataset.number - b.dataset.number
).map((each) => {
  const [live, text] = [each.querySelector(".live"), each.querySelector(".text")];
  if (each.hidden) return null;
  if (live.hidden) return text.hidden ? "nothing" : "ended";
  return [...live.querySelectorAll("span")].map((part) => part.textContent).join("");
})"""
"""What each answer shows: null before it began, its text so far, `ended`."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(browser.needed(), tmp_path_factory.mktemp("browser")) as page:
        yield page


class Canary(http.server.ThreadingHTTPServer):
    """Counts who comes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.visits: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Answer, self.visits))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    def __init__(self, visits: list[str], *rest: object) -> None:
        self._visits = visits
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._visits.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def told() -> list[Record]:
    """A run of 24 seconds, in which a tool is used within a text."""
    return with_call(records(seconds=24), CALLED_AFTER)


@pytest.fixture
def opened(page: Browser, tmp_path: Path, told: list[Record]) -> Iterator[Browser]:
    """The page of that run, as it ended."""
    page.said.clear()
    page.open(written(tmp_path, told))
    yield page
    assert not page.said, "the browser complained"


def written(folder: Path, told: list[Record], *, include_thinking: bool = True) -> Path:
    path = folder / "run.html"
    path.write_text(html(told, include_thinking=include_thinking), encoding="utf-8")
    return path


def seek(page: Browser, position_s: float) -> None:
    page.value(f"seek.value = {round(position_s * 1000)}; seek.dispatchEvent(new Event('input'))")


def shown_so_far(told: list[Record], position_s: float) -> list[str | None]:
    """What a replay of the same run shows at that moment, in the form of `SHOWN`."""
    replay = Replay(told)
    whole, state = replay.seek(replay.duration_s), Replay(told).seek(position_s)
    speeches = [*(state.thoughts.get(each) for each in whole.thoughts), state.synthesis]
    return [None if each is None else str(each.answer) if each.is_live else "ended" for each in speeches]


def test_at_every_moment_it_shows_what_the_replay_in_the_window_shows(opened: Browser, told: list[Record]) -> None:
    seen = set()
    for position_s in [*range(24), 23.9]:
        seek(opened, position_s)
        shown = opened.value(SHOWN)
        # the page counts whole milliseconds, of each event and of what stands before it
        around = [shown_so_far(told, position_s + ms / 1000) for ms in range(-2, 3)]
        assert shown in around, f"after {position_s} s"
        seen |= {each if each in (None, "", "ended") else "partial" for each in shown}
    assert seen == {None, "", "partial", "ended"}


def test_a_run_opens_as_it_ended_and_plays_to_that_end_again(opened: Browser) -> None:
    as_it_ended = opened.value("work.innerText")
    assert "Complete" in as_it_ended and "research-2" in as_it_ended
    opened.value("speed.value = '16'; play.click()")
    assert opened.value("play.innerText") == "Pause" and opened.value("now.textContent") == "0 s"
    opened.wait("play.innerText === 'Replay'")
    assert opened.value("work.innerText") == as_it_ended
    assert opened.value("now.textContent") == "24 s"


def test_what_is_told_of_an_answer_comes_with_its_end(opened: Browser, told: list[Record]) -> None:
    note = "continued once"
    assert note in opened.value("work.innerText")
    cut = next(each for each in folded(told).thoughts.values() if each.notes)
    seek(opened, Replay(told).clock.position(cut.opened_at) + 1)
    assert note not in opened.value("work.innerText")


def test_keys_lead_through_the_run(opened: Browser, told: list[Record]) -> None:
    first, second = (mark.position_s for mark in Replay(told).marks if mark.kind == "round")
    for key, shift, position_s in (
        ("Home", False, 0), ("ArrowRight", False, 5), ("ArrowRight", False, 10), ("ArrowLeft", False, 5),
        ("End", False, 24), ("ArrowLeft", True, second), ("ArrowLeft", True, first), ("ArrowRight", True, second),
    ):  # fmt: skip
        opened.key(key, shift=shift)
        assert opened.value("now.textContent") == f"{int(position_s)} s", key
    opened.key(" ")
    assert opened.value("play.innerText") == "Pause"
    opened.key(" ")
    assert opened.value("play.innerText") == "Play"


def test_thinking_types_in_its_own_block_and_folds(opened: Browser, told: list[Record]) -> None:
    replay = Replay(told)
    state = replay.seek(0)
    while not (state.thoughts and next(iter(state.thoughts.values())).activity == "thinking"):
        state = replay.seek(replay.position_s + 0.1)
    seek(opened, replay.position_s)
    block = "document.querySelector('[data-number=\"0\"] .thinking')"
    assert opened.value(f"{block}.open") and "Thinking" in opened.value(f"{block}.innerText")
    assert opened.value(f"{block}.querySelector('.plain').textContent") == "Secretly, research-1 "
    seek(opened, 24)
    assert not opened.value(f"{block}.open") and "Thought for" in opened.value(f"{block}.innerText")


def test_pointing_at_a_thought_marks_what_it_read_and_who_read_it(opened: Browser, told: list[Record]) -> None:
    thoughts = list(folded(told).thoughts.values())
    last, first = len(thoughts) - 1, 0
    readers = sum(thoughts[first].thought_id in thought.read for thought in thoughts)
    for number, mark, count in ((last, "source", len(thoughts[last].read)), (first, "reader", readers)):
        thought = f"document.querySelector('[data-number=\"{number}\"]')"
        opened.value(f"{thought}.dispatchEvent(new PointerEvent('pointerenter'))")
        assert opened.value(f"document.querySelectorAll('.{mark}').length") == count > 0


def test_it_asks_for_nothing_but_itself(opened: Browser) -> None:
    assert [url for url in opened.requests() if not url.startswith("data:")] == [opened.value("location.href")]
    policy = opened.value("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pictures_of_it_are_kept(page: Browser, tmp_path: Path, dark: bool) -> None:
    page.open(written(tmp_path, records()), dark=dark)
    mode = "dark" if dark else "light"
    page.picture(ARTEFACTS / f"page-ended-{mode}.png")
    seek(page, 35)
    page.picture(ARTEFACTS / f"page-playing-{mode}.png")
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(33, 37, 41)" if dark else "rgb(247, 247, 247)")


def test_without_scripts_it_is_there_to_be_read(page: Browser, tmp_path: Path) -> None:
    page.run_scripts(allowed=False)
    try:
        page.open(written(tmp_path, records()))
        text = page.value("document.body.innerText")
        assert page.value("bar.hidden")
    finally:
        page.run_scripts(allowed=True)
    for words in ("Why?", "Do it", "Because of", "research-2 says 😀 one thing", "plays the run again"):
        assert words in text


def test_on_paper_every_card_is_whole(page: Browser, tmp_path: Path) -> None:
    page.open(written(tmp_path, records(lambda _request: says("A paragraph.\n\n" * 80))))
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert page.value(
            "[...document.querySelectorAll('.body')].every((body) => body.scrollHeight <= body.clientHeight)"
        )
        assert page.value("getComputedStyle(bar).display") == "none"
    finally:
        page.call("Emulation.setEmulatedMedia", media="")


HOSTILE = (
    "</script><script>fetch('{canary}/script')</script>",
    "<img src={canary}/img onerror=\"pwned=1;fetch('{canary}/onerror')\">",
    '"><svg onload="pwned=1"><image href="{canary}/svg">',
    "<!--</script><script>pwned=1//-->",
    "![picture]({canary}/markdown) ![x][r] [x][r]\n\n[r]: {canary}/reference",
    "[a](javascript:pwned=1) <javascript:pwned=1> [b](data:text/html,<script>pwned=1</script>)",
    "[a](file:///etc/passwd) [b](ms-calc:x) [c](\tjavascript:pwned=1) [d](JAVASCRIPT:pwned=1) <ftp://127.0.0.1/>",
    "</script ><img src={canary}/blank></script/x><img src={canary}/slash> <!--<script ",
    "<style>@import url({canary}/style);</style><link rel=stylesheet href={canary}/link><base href={canary}/>",
    "<meta http-equiv=refresh content='0;url={canary}/refresh'><iframe src={canary}/frame></iframe>",
    "| a |\n|---|\n| <object data={canary}/object> |\n\n    <video src={canary}/c>",
    '```" onclick=pwned=1\n</code></pre><script>pwned=1</script>\n```',
    "\x00\x1b[2J\u202eesrever\u2066 \u2028\u2029 \ud83d \ufeff \x85 ]]> {{{{7*7}}}} ${{pwned}} $title \\u003c/script>",
    "&lt;script&gt;pwned=1&lt;/script&gt; &#60;img src={canary}/e&#62; [a]({canary}/a 'x\" onmouseover=\"pwned=1')",
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_of_a_model_becomes_anything_but_text(
    page: Browser, canary: Canary, tmp_path: Path, told: list[Record], hostile: str
) -> None:
    text = hostile.format(canary=canary.address)
    hurt = with_texts(told, text, agent=text if "\x00" not in hostile else "")
    page.said.clear()
    page.open(written(tmp_path, hurt))
    for position_s in (1, 8, 20, 24):
        seek(page, position_s)
    assert page.value("typeof pwned") == "undefined"
    assert canary.visits == []
    assert [url for url in page.requests() if not url.startswith(("data:", "file:"))] == []
    assert page.said == []
    assert page.value("document.scripts.length") == 2
    assert page.value("document.querySelectorAll('img, image, iframe, object, video, base, link, style').length") == 3
    links = page.value("[...document.links].map((link) => link.protocol)")
    assert set(links) <= {"http:", "file:"}, "file: is a citation's, which stays on the page"
    assert page.value("[...document.links].every((link) => link.protocol !== 'file:' || link.hash)")


def test_the_canary_would_have_told(page: Browser, canary: Canary, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        f"<img src={canary.address}/img><script>fetch('{canary.address}/script', {{mode: 'no-cors'}})</script>"
    )
    page.open(bad)
    page.value(f"fetch('{canary.address}/done', {{mode: 'no-cors'}}).then(() => 1)")
    assert {"/img", "/script", "/done"} <= set(canary.visits)
    page.said.clear()


def test_a_hostile_script_in_the_page_itself_would_be_refused(page: Browser, canary: Canary, tmp_path: Path) -> None:
    path = written(tmp_path, records())
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "</main>", f"<script>pwned=1</script><img src={canary.address}/x></main>"
        )
    )
    page.said.clear()
    page.open(path)
    assert page.value("typeof pwned") == "undefined" and canary.visits == []
    assert len(page.said) == 2 and all("Content Security Policy" in words for words in page.said)
    page.said.clear()
