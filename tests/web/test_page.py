"""The page in a real browser: a run as it is written, through reloads and lost connections, and hostile to nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from felix.events import PASSING, Event, RunId
from felix.ledger.reader import Reader
from felix.ledger.speech import Speech
from tests.servers import browser
from tests.servers.browser import Browser
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import CALLED, DONE, ROLE, STOP, call, chunk, event, events, text
from tests.team.scripted import workflow
from tests.test_engine import follow, is_event, listing
from tests.web.served import ONE, WITH_TOOLS, Served, begin, calculates, finished

pytestmark = pytest.mark.slow

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
CARD = "document.querySelector('.card')"
SAID = f"[...({CARD}?.querySelectorAll('.told > div > :not([hidden])') ?? [])].map((each) => each.textContent).join('')"
BADGE = "document.getElementById('badge').textContent"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(browser.needed(), tmp_path_factory.mktemp("browser")) as page, pytest.MonkeyPatch.context() as patch:
        patch.setattr("felix.web.streams.RETRY", b"retry: 100\n\n")
        yield page


@pytest.fixture
def opened(page: Browser, shown: Served) -> Iterator[Callable[[RunId], Browser]]:
    """Opens the page with a run, through a link; the browser may complain of nothing."""
    page.said.clear()

    def open_(run: RunId) -> Browser:
        page.resize(1400, 900)
        link = shown.serving.link()
        page.go("about:blank")  # else only the fragment would change
        page.go(link.replace("/#", f"/?run={run}#"))
        page.wait("document.querySelectorAll('.card').length > 0")
        return page

    yield open_
    page.go("about:blank")
    assert not page.said, "the browser complained"


Open = Callable[[RunId], Browser]


def test_a_live_run_is_seen_as_it_is_written_and_as_it_ends(opened: Open, shown: Served, held: FaultServer) -> None:
    page = opened(begin(shown, held))
    page.wait(f"{SAID} === 'Hello'")
    assert "Writing" in page.value(f"{CARD}.querySelector('.badge').textContent")
    assert page.value("location.hash") == "", "the token stays in the address"
    held.gate.set()
    page.wait(f"{BADGE} === 'Complete'")
    assert page.value(SAID) == "Hello world"
    assert page.value("document.querySelector('.synthesis .text').textContent") == "Hello world"
    assert page.value("document.querySelectorAll('#rows rect').length") > 0
    strangers = [each for each in page.requests() if not each.startswith((shown.serving.address, "data:"))]
    assert not strangers


def thinks_twice(client: Connection) -> None:
    """Thinks, says something, and thinks again, until the test says so."""
    client.head()
    client.send(event(ROLE))
    for number in range(2):
        client.send(
            event(chunk({"reasoning_content": f"{number} ?"})) + event(text("Hello"[3 * number : 3 + 3 * number]))
        )
    client.wait(client.server.gate)
    client.send(event(text(" world")) + event(STOP) + DONE)
    client.end()


def test_a_reload_in_the_middle_loses_and_doubles_nothing(opened: Open, shown: Served) -> None:
    drawn = "[...document.querySelectorAll('#rows rect')].map((each) => each.getAttribute('class')).join(' ')"
    with FaultServer({"held": listing(thinks_twice)}) as held:
        page = opened(begin(shown, held))
        page.wait(f"{SAID} === 'Hello' && {drawn}.endsWith('think write think write')")
        before = page.value(drawn)
        page.call("Page.reload")
        page.wait(f"{SAID} === 'Hello'")
        assert page.value(drawn) == before
        held.gate.set()
        page.wait(f"{BADGE} === 'Complete'")
    assert page.value(SAID) == "Hello world"
    assert page.value("document.querySelectorAll('.thought').length") == 1


def test_a_lost_connection_is_told_and_what_was_missed_is_there_when_it_is_back(
    opened: Open, shown: Served, held: FaultServer
) -> None:
    page = opened(begin(shown, held))
    page.wait(f"{SAID} === 'Hello'")
    offline(page, is_offline=True)
    cut(shown)
    page.wait("!document.getElementById('notice').hidden")
    assert "connection is lost" in page.value("document.getElementById('notice').textContent")
    mailbox = shown.engine.subscribe()
    held.gate.set()
    follow(mailbox, is_event("run_finished"))
    shown.engine.unsubscribe(mailbox)
    assert page.value(SAID) == "Hello"
    offline(page, is_offline=False)
    page.wait(f"{BADGE} === 'Complete'")
    assert page.value(SAID) == "Hello world"
    assert page.value("document.getElementById('notice').hidden")
    page.said = [each for each in page.said if "ERR_" not in each]  # that there was no network


def test_an_event_source_that_is_cut_again_and_again_gets_everything_once(
    opened: Open, shown: Served, held: FaultServer
) -> None:
    run = begin(shown, held)
    page = opened(run)
    page.value(
        f"""window.ids = []; window.said = ''; window.source = new EventSource('/runs/{run}/events');
        for (const name of ['run_started', 'round_started', 'agent_spawned', 'thought_complete', 'synthesis_started',
            'synthesis_complete', 'run_finished'])
            source.addEventListener(name, (each) => ids.push([Number(each.lastEventId), name]));
        source.addEventListener('partial_thought', (each) => {{
            const {{ partial, offset }} = JSON.parse(each.data);
            said = said.slice(0, offset) + partial;
        }}); 0"""
    )
    for _ in range(3):
        page.wait("said === 'Hello'")
        page.value("said = ''")
        cut(shown)
    page.wait("said === 'Hello'")
    held.gate.set()
    page.wait("ids.at(-1)?.[1] === 'run_finished' && source.readyState === EventSource.CLOSED")
    kept = [each["seq"] for each in shown.json(f"/runs/{run}")["events"]]
    assert [each[0] for each in page.value("ids")] == kept
    assert page.value("said") == "Hello world"
    page.said = [each for each in page.said if "ERR_" not in each]


HOSTILE = (
    "<img src='http://127.0.0.1:9/canary' onerror='window.pwned = 1'><script>window.pwned = 2</script>\n"
    "![x](http://127.0.0.1:9/canary.png) [click](javascript:window.pwned=3) <iframe srcdoc='<script>parent.pwned=4"
    "</script>'></iframe> <svg onload='window.pwned=5'></svg>\n</div></article>{{7*7}} ${window.pwned=6} \x1b[31m\u202e"
)


def test_who_may_do_more_than_watch_starts_a_run_and_stops_it(
    page: Browser, opened: Open, ended: RunId, own: Served, held: FaultServer
) -> None:
    offered = "['ask', 'stop'].map((name) => !document.getElementById(name).hidden)"
    assert opened(ended).value(offered) == [False, False]
    own.settings.override(base_url=held.url("held"), model="m")
    page.go("about:blank")
    page.go(own.serving.link())
    page.wait("document.getElementById('workflow').options.length > 1")
    page.value("document.getElementById('wanted').focus()")
    page.call("Input.insertText", text="Why not?")
    page.value("document.getElementById('begin').click()")
    page.wait(f"{SAID} === 'Hello' && document.getElementById('task').textContent === 'Why not?'")
    assert page.value(offered) == [True, True]
    page.value("document.getElementById('stop').click()")
    page.wait(f"{BADGE} === 'Stopped'")
    assert page.value(offered) == [True, False]


def test_hostile_text_of_a_model_does_nothing_and_is_shown_as_it_stands(opened: Open, shown: Served) -> None:
    thinking = chunk({"reasoning_content": HOSTILE})
    reply = listing(events(ROLE, thinking, text(HOSTILE), STOP))
    with FaultServer({"hostile": reply}) as server:
        shown.settings.override(base_url=server.url("hostile"), model="m")
        mailbox = shown.engine.subscribe()
        run = shown.engine.start(HOSTILE, ONE)
        follow(mailbox, is_event("run_finished"))
        shown.engine.unsubscribe(mailbox)
        page = opened(run)
        page.wait(f"{BADGE} === 'Complete'")
    shown_text = HOSTILE.replace("\x1b", "\u241b")
    assert page.value(f"{CARD}.querySelector('.thinking .plain').textContent") == shown_text
    rendered = page.value(f"{CARD}.querySelector('.text').textContent")
    assert "<img src='http://127.0.0.1:9/canary'" in rendered and "<script>window.pwned = 2</script>" in rendered
    assert "</div></article>{{7*7}} ${window.pwned=6} \u241b[31m" in rendered
    assert "javascript:window.pwned=3" in rendered and "![x](" not in page.value(
        f"{CARD}.querySelector('.text').innerHTML"
    )
    assert page.value("document.getElementById('task').textContent") == shown_text
    assert page.value("window.pwned") is None
    inside = (
        "document.querySelectorAll('#page img, #page script, #page iframe, #page [onerror], #page svg[onload]').length"
    )
    assert page.value(inside) == 0
    assert not [each for each in page.requests() if not each.startswith((shown.serving.address, "data:"))]


def adds(client: Connection) -> None:
    """Says something, calls a tool, and goes on."""
    if client.request.json["messages"][-1]["role"] == "tool":
        return calculates(client)
    return events(text("I add 😀."), call("calculator", '{"expression": "2+2"}', index=0, id="c1"), CALLED)(client)


def test_a_tool_call_stands_where_it_was_made_with_what_was_asked_and_what_came(opened: Open, shown: Served) -> None:
    with FaultServer({"tools": listing(adds)}) as server:
        page = opened(finished(shown, server.url("tools"), flow=WITH_TOOLS))
        page.wait(f"{BADGE} === 'Complete'")
    call = f"{CARD}.querySelector('.call')"
    assert page.value(f"{call}.querySelector('summary').textContent") == "calculator · done"
    assert page.value(f"[...{call}.querySelectorAll('pre')].map((each) => each.textContent)") == [
        '{"expression": "2+2"}',
        "4",
    ]
    assert page.value(f"{call}.open") is False
    assert page.value("document.getElementById('legend').textContent").endswith("calling a toolusing ityour word")
    assert page.value("document.querySelectorAll('#rows .write.hollow, #rows .prep.hollow').length") == 2
    told = f"[...{call}.parentNode.children].map((each) => each.querySelector('summary, .text').textContent.trim())"
    assert page.value(told) == ["I add 😀.", "calculator · done", "Hello world"]


def test_a_call_that_asks_is_open_until_it_was_answered(opened: Open, ended: RunId) -> None:
    page = opened(ended)
    seen = page.value(
        """(async () => {
            const [{ Run }, { Answer, make }] = await Promise.all([import('/fold.js'), import('/parts.js')]);
            const run = new Run('x');
            const answer = new Answer(make('div'));
            const seen = [];
            run.plan = {};
            const happens = (type, more) => {
                run.apply({ type, seq: run.seq + 1, at: 1, agent_id: 'a', thought_id: 'a#1', call_id: 'c', ...more });
                answer.show(run.thoughts.get('a#1'));
                const call = answer.element.querySelector('.call');
                seen.push([run.asks, call.open, call.classList.contains('stop')]);
            };
            happens('tool_call', { name: 'shell', arguments: '{}', position: 0, asks: 'It may write.' });
            happens('tool_answered', { answer: 'once' });
            return seen;
        })()"""
    )
    assert seen == [[True, True, True], [False, False, False]]


def test_a_run_that_is_gone_is_told_and_not_asked_for_again(page: Browser, shown: Served) -> None:
    page.go("about:blank")
    page.go(shown.serving.link().replace("/#", "/?run=gone#"))
    page.wait("document.getElementById('notice').textContent.includes('not there any more')")
    shown.wait(lambda: page.value("true") and f"{shown.serving.address}/events" in page.requests())
    page.said.clear()  # that there was nothing
    assert sum("/events?run=gone&after=" in each for each in page.requests()) == 1


WRITTEN = """# A heading

Some **bold**, *slanted* and `code`, as [research-1] and [nobody] say; a [link](https://example.org/x).

- one
  - inside
- two

1. first
2. second

| a | b |
|---|--:|
| 1 | **2** |

> said
> twice

```
<b>not bold</b>
```
"""


def test_an_answer_that_has_ended_is_read_as_markdown(opened: Open, shown: Served) -> None:
    with FaultServer({"good": listing(events(ROLE, text(WRITTEN), STOP))}) as server:
        page = opened(finished(shown, server.url("good")))
        page.wait(f"{BADGE} === 'Complete'")
    answer = f"{CARD}.querySelector('.text')"
    assert page.value(f"[...{answer}.children].map((each) => each.tagName)") == [
        "H4", "P", "UL", "OL", "TABLE", "BLOCKQUOTE", "PRE",
    ]  # fmt: skip
    assert page.value(f"{answer}.querySelector('p').textContent") == (
        "Some bold, slanted and code, as research-1 and [nobody] say; a link (example.org)."
    )
    assert page.value(f"{answer}.querySelector('.cite').getAttribute('href')") == "#agent-0"
    assert page.value(f"[...{answer}.querySelectorAll('li')].map((each) => each.firstChild.data)") == [
        "one", "inside", "two", "first", "second",
    ]  # fmt: skip
    assert page.value(f"{answer}.querySelector('td.right strong').textContent") == "2"
    assert page.value(f"{answer}.querySelector('pre').textContent") == "<b>not bold</b>"
    link = f"{answer}.querySelector('a[target]')"
    assert page.value(f"[{link}.href, {link}.rel]") == ["https://example.org/x", "noopener noreferrer"]


@pytest.mark.parametrize("bit", ["*", "**a", "[", "![a](", "> ", "- ", "|", "`", "_", "# ", "  - a\n"])
def test_no_markdown_takes_long(opened: Open, ended: RunId, bit: str) -> None:
    page = opened(ended)
    took_ms = page.value(
        f"""import('/markdown.js').then(({{ markdown }}) => {{
            const began = performance.now();
            markdown({bit!r}.repeat(4000), () => undefined);
            return performance.now() - began;
        }})"""
    )
    assert took_ms < 2_000


def written_so_far(client: Connection) -> None:
    client.head()
    client.send(event(ROLE) + event(text("One **bold**.\n\n```\na\n\nb")))
    client.wait(client.server.gate)
    client.send(event(text("\n```\n\nTwo **b")))
    client.wait()


def test_what_stands_is_markdown_while_the_rest_is_written(opened: Open, shown: Served) -> None:
    told = f"[...{CARD}.querySelector('.told').firstChild.childNodes].map((each) => each.innerHTML)"
    with FaultServer({"held": listing(written_so_far)}) as server:
        run = begin(shown, server)
        page = opened(run)
        page.wait(f"{told}.join('|') === '<p>One <strong>bold</strong>.</p>|```\\na\\n\\nb'")
        server.gate.set()
        page.wait(f"{told}[1] === 'Two **b'")
        assert page.value(f"{told}[0]") == "<p>One <strong>bold</strong>.</p><pre><code>a\n\nb</code></pre>"
        shown.engine.stop(run)


class Lines:
    """An answer of many lines, some more for each word of the test."""

    def __call__(self, client: Connection) -> None:
        client.head()
        client.send(event(ROLE) + event(text("line\n" * 100)))
        client.wait(client.server.gate)
        client.send(event(text("more\n" * 100)))
        client.wait()


def test_a_text_follows_its_end_until_the_reader_scrolls_up(opened: Open, shown: Served) -> None:
    body = f"{CARD}.querySelector('.body')"
    at_end = f"{body}.scrollHeight - {body}.scrollTop - {body}.clientHeight < 4"
    with FaultServer({"held": listing(Lines())}) as server:
        run = begin(shown, server)
        page = opened(run)
        page.wait(f"{SAID}.length === 500 && {at_end} && {body}.scrollTop > 0")
        page.resize(390, 500, is_phone=True)
        page.wait("innerWidth === 390")
        page.wait(f"{at_end} && {CARD}.querySelector('.jump').hidden")
        page.value(f"{body}.scrollTop = 100")
        page.wait(f"{body}.scrollTop === 100")
        server.gate.set()
        page.wait(f"{SAID}.length === 1000 && !{CARD}.querySelector('.jump').hidden")
        assert page.value(f"{body}.scrollTop") == 100
        page.value(f"{CARD}.querySelector('.jump').click()")
        page.wait(f"{at_end} && {CARD}.querySelector('.jump').hidden")
        shown.engine.stop(run)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_desk_and_a_phone(opened: Open, shown: Served, dark: bool) -> None:
    mailbox = shown.engine.subscribe()
    run = shown.engine.start("Should a clinic of forty people move from e-mail to a self-hosted chat?", ONE, demo=True)
    follow(mailbox, is_event("run_finished"))
    shown.engine.unsubscribe(mailbox)
    page = opened(run)
    page.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
    )
    page.wait(f"{BADGE} === 'Complete'")
    assert page.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(33, 37, 41)" if dark else "rgb(247, 247, 247)"
    )
    for name, width, height in (("desk", 1400, 900), ("phone", 390, 844), ("narrow", 320, 640)):
        page.resize(width, height, is_phone=width < 500)
        page.wait(f"innerWidth === {width}")
        assert page.value("document.documentElement.scrollWidth") <= width, name
        page.picture(ARTEFACTS / f"web-{name}-{'dark' if dark else 'light'}.png")


def test_its_reading_of_a_run_is_that_of_the_window(opened: Open, shown: Served) -> None:
    mailbox = shown.engine.subscribe()
    run = shown.engine.start("Why? 😀", workflow(), demo=True)
    follow(mailbox, is_event("run_finished"))
    shown.engine.unsubscribe(mailbox)
    page = opened(run)
    got = page.value(
        f"""(async () => {{
            const {{ Run }} = await import('/fold.js');
            const run = new Run('{run}');
            for (const event of (await (await fetch('/runs/{run}')).json()).events) run.apply(event);
            const texts = (each) => [each.answer.whole, each.thinking.whole, each.spent('thinking', 0), each.states];
            const said = (each) => [each.id, [each.status, ...texts(each)]];
            return {{
                agents: [...run.agents.keys()], status: run.status, round: run.round,
                thoughts: Object.fromEntries([...run.thoughts.values()].map(said)), synthesis: said(run.synthesis)[1],
            }};
        }})()"""
    )
    with Reader(shown.ledger) as reader:
        state = reader.state(run)
    assert state.synthesis is not None
    assert got == {
        "agents": list(state.agents),
        "status": state.status,
        "round": state.round,
        "thoughts": {name: said(each) for name, each in state.thoughts.items()},
        "synthesis": said(state.synthesis),
    }


def said(speech: Speech) -> list[object]:
    spent_s = speech.spent_s("thinking", now=0)
    states = [[speech.opened_at + ms / 1000, activity] for ms, activity in speech.states]
    return [speech.status, str(speech.answer), str(speech.thinking), pytest.approx(spent_s), states]


def test_it_listens_to_every_event_and_knows_which_of_them_pass(opened: Open, ended: RunId) -> None:
    page = opened(ended)
    names = {get_args(get_type_hints(each)["type"])[0]: each for each in get_args(Event)}
    assert set(page.value("import('/parts.js').then((parts) => parts.words.events)")) == set(names)
    passing = {name for name, each in names.items() if issubclass(each, PASSING)}
    assert set(page.value("import('/fold.js').then((fold) => fold.PASSING)")) == passing


def test_who_has_no_link_is_told_what_to_do(page: Browser, shown: Served) -> None:
    page.call("Network.clearBrowserCookies")
    page.go("about:blank")
    page.go(shown.serving.address)
    page.wait("document.getElementById('out').textContent.includes('Open the link')")
    page.go("about:blank")
    page.go(f"{shown.serving.address}/#t=nothing")
    page.wait("document.getElementById('out').textContent.includes('has been used')")
    assert "New link" in page.value("document.getElementById('out').textContent")
    assert page.value("document.getElementById('page').hidden") is True, "nothing of a run is shown"
    page.said.clear()  # that it was refused


def cut(shown: Served) -> None:
    """Every stream loses its connection, as when a network goes."""
    serving = shown.serving
    assert serving._loop is not None and serving._feeds is not None
    watchers = list(serving._feeds.watchers)
    assert watchers
    for watcher in watchers:
        serving._loop.call_soon_threadsafe(watcher._abort)


def offline(page: Browser, *, is_offline: bool) -> None:
    page.call(
        "Network.emulateNetworkConditions",
        offline=is_offline,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
