"""A run in the real window in which everything that a server or a user can name bites."""

from __future__ import annotations

from pathlib import Path

from felix.gui.text.shown_text import true_text
from tests.gui.naughty import BITING
from tests.gui.opened import Opened, write_settings
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import STOP, chunk, event, events, text


def naughty(client: Connection) -> None:
    """A server that calls everything by a name that bites, and whose models write nothing else."""
    name = "tiny\0\x1b]0;x\x07\u202emodel"
    if client.request.method == "GET":
        is_list = client.request.path.endswith("/v1/models") and "/api/" not in client.request.path
        client.reply_json({"data": [{"id": name}]} if is_list else {"error": BITING}, "200 OK" if is_list else "404 No")
        return
    body = client.request.body
    if b"You are the hub" not in body and len(client.server.posts("naughty")) == 2:
        client.head()
        client.send(event({**text(BITING), "model": name}) + event({"error": {"message": f"boom {BITING} \ud800"}}))
        client.end()
        return
    table = f"| a |\n|---|\n| {BITING} |\n"
    answer = f"# {BITING}\n\n**{BITING}** `{BITING}` [research-1] [a](https://x.org/{BITING[:20]})\n\n{table}"
    thinking = chunk({"reasoning_content": BITING})
    events({**thinking, "model": name}, *(text(answer[n : n + 7]) for n in range(0, len(answer), 7)), STOP)(client)


def test_a_window_full_of_what_bites_shows_all_of_it(display: str, tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(
        "name: Short\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0]\n"
    )
    with FaultServer({"naughty": naughty}) as server:
        settings = write_settings(
            tmp_path / "settings.json",
            workflow=str(tmp_path / "short.yaml"),
            base_url=server.url("naughty"),
            has_connected=True,
        )
        felix = Opened(settings)
        try:
            window = felix.window
            window.composer.take(f"why? {BITING} \ud800")
            felix.press("<Control-Return>", felix.task)
            felix.until(lambda: window.bridge.state.status is not None, 60)
            felix.until(lambda: window.synthesis.is_rendered)
            window.column.pin("agents")
            felix.until(lambda: len(window.wall.cards) == 2)
            felix.turn(300)
            state = window.bridge.state
            answers = [str(thought.answer) for thought in state.thoughts.values()]
            assert all(BITING in answer for answer in answers)
            assert {thought.status for thought in state.thoughts.values()} == {"complete", "failed"}
            shown = [true_text(card.stream.text) for card in window.wall.cards]
            assert all(answer.strip() in text for answer, text in zip(answers, shown, strict=True))
            felix.screenshot("naughty")
        finally:
            felix.close()
