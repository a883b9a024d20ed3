"""The helix: agents stand at the depth of their prompt, never in front of one another, and can be reached by hand."""

from __future__ import annotations

import itertools
import math
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from felix.events import AgentId, PartialThought, PauseChanged
from felix.gui.course import helix_view
from felix.gui.course.helix_picture import APART, EDGE, Ink, Projection, labels, paint
from felix.gui.course.helix_view import GLIDE_S, HelixView
from felix.gui.kit import Kit
from felix.ledger.export import drawing
from felix.settings import SettingsFile
from felix.team.helix import Helix
from tests.gui.recorded import CHECKPOINTS, TEAM, ScriptedRun, planned
from tests.ledger.hubs import Run
from tests.telling import planned_agent

INK = Ink("#f2f2f2", "#5f6468", "#0a58ca", "#0a58ca")


class Panel:
    """A view as wide as the right panel, and whom the user chose."""

    def __init__(self, window: tk.Toplevel, kit: Kit, folder: Path, width: int = 284) -> None:
        self.chosen: list[AgentId] = []
        self.settings = SettingsFile(folder / "settings.json")
        self.view = HelixView(window, kit, self.settings, on_agent=self.chosen.append)
        self.view.frame.place(x=0, y=0, width=width, height=620)
        self.run = ScriptedRun()
        window.update()

    def settle(self) -> None:
        now = time.monotonic()
        while self.view.tick(now):
            now += 0.02

    def place(self, agent: str) -> tuple[float, float]:
        return self.view.place_of(AgentId(agent))

    def move(self, agent: str) -> None:
        x, y = map(round, self.place(agent))
        self.view.canvas.event_generate("<Motion>", x=x, y=y)


@pytest.fixture
def panel(window: tk.Toplevel, kit: Kit, tmp_path: Path) -> Panel:
    return Panel(window, kit, tmp_path)


# -- the picture ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9, 12, 32])
@pytest.mark.parametrize("depth", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("width", [204, 284, 420])
def test_nodes_of_one_round_never_hide_each_other(count: int, depth: float, width: int) -> None:
    places = Projection(Helix(), width, 560).places([depth] * count)
    assert all(math.dist(a, b) >= APART - 0.01 for a, b in itertools.combinations(places, 2))
    assert all(EDGE - 0.01 <= x <= width - EDGE + 0.01 for x, _ in places)
    assert all(EDGE - 0.01 <= y <= 560 - EDGE + 0.01 for _, y in places)


def test_agents_at_neighbouring_depths_are_parted_sideways_only() -> None:
    view = Projection(Helix(), 284, 300)
    depths = [0.8, 0.82, 0.84, 0.86]
    places = view.places(depths)
    assert all(math.dist(a, b) >= APART - 1.5 for a, b in itertools.combinations(places, 2))
    for (_, y), depth in zip(places, depths, strict=True):
        assert abs(y - view.y(depth)) <= view.radius(depth) * 0.31 + 1


def test_a_single_agent_stands_on_the_curve_at_its_depth() -> None:
    view = Projection(Helix(turns=3), 284, 560)
    [(x, y)] = view.places([0.5])
    assert (x, y) == view.on_ring(0.5, view.angle(0.5), view.radius(0.5))
    assert view.y(0.0) < view.y(0.5) < view.y(1.0)
    assert view.y(0.5) == pytest.approx((view.y(0.0) + view.y(1.0)) / 2)


def test_the_travelled_part_of_the_curve_is_in_the_primary_colour() -> None:
    view = Projection(Helix(), 284, 560)

    def blue(reach: float) -> int:
        pixels = paint(view, CHECKPOINTS, reach, (), INK).tobytes()
        return sum(pixels[i + 2] > pixels[i] + 60 for i in range(0, len(pixels), 3))

    none, half, whole = blue(-1), blue(0.5), blue(1.0)
    assert none == 0
    assert 0 < half < whole


def test_numbers_of_the_axis_never_stand_on_each_other() -> None:
    shown = labels(Projection(Helix(), 204, 200), [n / 20 for n in range(20)], 15)
    ys = sorted(shown.values())
    assert 1.0 in shown
    assert all(b - a >= 15 for a, b in itertools.pairwise(ys))


# -- the view ------------------------------------------------------------------------------------------------


def test_before_a_run_the_agents_are_hollow_where_they_will_enter(panel: Panel) -> None:
    panel.view.preview(planned(), CHECKPOINTS, 2.0)
    assert panel.view.heading.cget("text") == "6 agents"
    assert {node.state for node in panel.view.scene.nodes} == {"queue"}
    assert panel.place("research-1")[1] < panel.place("analysis-1")[1] < panel.place("critic-1")[1]


def test_states_and_depths_follow_the_run(panel: Panel) -> None:
    run = panel.run
    run.round(1)
    run.speak("research-1", 1)
    run.speak("research-2", 1, "thinking")
    run.speak("research-3", 1, "queued")
    panel.view.show(run.state)
    nodes = {node.agent_id: node for node in panel.view.scene.nodes}
    assert [nodes[AgentId(f"research-{n}")].state for n in (1, 2, 3)] == ["write", "think", "queue"]
    assert nodes[AgentId("research-1")].is_active
    assert not nodes[AgentId("critic-1")].is_active
    assert panel.view.heading.cget("text") == "round 1 of 5"
    run.end("research-1", 1)
    run.end("research-3", 1, status="failed")
    run.round(2)
    run.speak("research-1", 2)
    panel.view.update(run.state, set())
    nodes = {node.agent_id: node for node in panel.view.scene.nodes}
    assert nodes[AgentId("research-1")].depth == 0.3
    assert (nodes[AgentId("research-3")].state, nodes[AgentId("research-3")].depth) == ("fail", 0.0)
    assert (panel.view.scene.reach, panel.view.scene.current) == (0.3, (0.3,))


def test_the_heading_tells_the_phase(panel: Panel) -> None:
    panel.run.say(PauseChanged(state="paused"))
    panel.view.update(panel.run.state, set())
    assert panel.view.heading.cget("text") == "paused"
    panel.run.synthesise()
    panel.view.update(panel.run.state, set())
    assert panel.view.heading.cget("text") == "synthesis"
    panel.run.conclude()
    panel.view.update(panel.run.state, set())
    assert panel.view.heading.cget("text") == "complete"


def start_round_2(panel: Panel) -> tuple[float, float]:
    panel.run.round(1)
    panel.run.speak("research-1", 1)
    panel.view.show(panel.run.state)
    before = panel.place("research-1")
    panel.run.end("research-1", 1)
    panel.run.round(2)
    panel.run.speak("research-1", 2)
    panel.view.update(panel.run.state, set())
    return before


def test_text_alone_makes_no_new_scene(panel: Panel, mocker: MockerFixture) -> None:
    panel.run.round(1)
    panel.run.speak("research-1", 1)
    panel.view.update(panel.run.state, {AgentId("research-1")})
    made = mocker.spy(helix_view, "scene_of")
    thought = panel.run.state.agents[AgentId("research-1")].thoughts[-1]
    panel.run.say(
        PartialThought(
            agent_id=AgentId("research-1"), thought_id=thought.thought_id, role="research",
            checkpoint=thought.checkpoint, progress=0.0, channel="answer", partial="So.", offset=0, tokens_so_far=1,
        )
    )  # fmt: skip
    panel.view.update(panel.run.state, {AgentId("research-1")})
    assert made.call_count == 0
    panel.run.end("research-1", 1)
    panel.view.update(panel.run.state, {AgentId("research-1")})
    assert made.call_count == 1


def test_a_node_glides_to_its_new_depth_within_a_quarter_second(panel: Panel) -> None:
    before = start_round_2(panel)
    assert panel.place("research-1") == before
    assert panel.view.tick(100.0)
    assert panel.view.tick(100.1)
    middle = panel.place("research-1")
    assert not panel.view.tick(100.0 + GLIDE_S)
    after = panel.place("research-1")
    assert before[1] < middle[1] < after[1]
    item = panel.view._items[AgentId("research-1")]
    assert panel.view.canvas.coords(item) == pytest.approx(after)


def test_a_glide_moves_at_most_fifteen_times_a_second(panel: Panel) -> None:
    start_round_2(panel)
    panel.view.tick(100.0)
    seen = set()
    for frame in range(15):
        panel.view.tick(100.0 + frame / 60)
        seen.add(panel.place("research-1"))
    assert 2 <= len(seen) <= 5


def test_with_reduced_motion_a_node_is_there_at_once(panel: Panel) -> None:
    panel.settings.change(reduce_motion=True)
    before = start_round_2(panel)
    assert panel.place("research-1") != before
    assert not panel.view.tick(100.0)


def test_a_click_on_a_node_names_its_agent(panel: Panel) -> None:
    panel.view.show(panel.run.state)
    x, y = map(round, panel.place("critic-1"))
    panel.view.canvas.event_generate("<Button-1>", x=x + 6, y=y - 6)
    panel.view.canvas.event_generate("<Button-1>", x=2, y=2)
    assert panel.chosen == ["critic-1"]


def test_pointing_at_a_node_says_who_it_is(panel: Panel, wait_until: Callable[..., None]) -> None:
    panel.run.round(1)
    panel.run.speak("research-1", 1)
    panel.view.show(panel.run.state)
    panel.move("research-1")
    wait_until(lambda: panel.view._tip._window is not None and panel.view._tip._window.winfo_viewable())
    assert panel.view._tip.text == "research-1\nWriting  ·  depth 0.00  ·  temperature 0.45"
    panel.view.canvas.event_generate("<Motion>", x=2, y=2)
    assert panel.view._tip.text == ""


def test_arrows_walk_the_agents_and_enter_chooses(panel: Panel, update: Callable[[], None]) -> None:
    panel.view.show(panel.run.state)
    panel.view.canvas.focus_force()
    update()
    panel.view.canvas.event_generate("<Return>")
    panel.view.canvas.event_generate("<Right>")
    panel.view.canvas.event_generate("<space>")
    panel.view.canvas.event_generate("<Left>")
    panel.view.canvas.event_generate("<Left>")
    panel.view.canvas.event_generate("<Return>")
    assert panel.chosen == ["research-1", "research-2", "critic-1"]


def test_the_chosen_node_is_seen_only_with_the_keyboard_on_it(
    panel: Panel, update: Callable[[], None], window: tk.Toplevel
) -> None:
    panel.view.show(panel.run.state)
    item = panel.view._items[AgentId("research-1")]
    before = panel.view.canvas.itemcget(item, "image")
    panel.view.canvas.focus_force()
    update()
    assert panel.view.canvas.itemcget(item, "image") != before
    window.focus_force()
    update()
    assert panel.view.canvas.itemcget(item, "image") == before


def test_a_theme_switch_repaints_picture_and_axis(panel: Panel, kit: Kit, update: Callable[[], None]) -> None:
    panel.view.show(panel.run.state)
    canvas = panel.view.canvas

    def colours() -> tuple[str, str, str]:
        axis = canvas.find_withtag("axis")[0]
        return canvas.itemcget(panel.view._background, "image"), canvas.itemcget(axis, "fill"), str(canvas.cget("bg"))

    before = colours()
    kit.set_theme("dark")
    update()
    assert all(a != b for a, b in zip(before, colours(), strict=True))


@pytest.mark.parametrize("width", [204, 284])
def test_everything_is_inside_the_panel(
    window: tk.Toplevel, kit: Kit, tmp_path: Path, width: int, screenshot: Callable[[str], Path]
) -> None:
    panel = Panel(window, kit, tmp_path, width)
    for agent in TEAM:
        panel.run.speak(agent, 5)
    panel.run.round(5)
    panel.view.show(panel.run.state)
    window.update()
    for item in (*panel.view.canvas.find_withtag("node"), *panel.view.canvas.find_withtag("axis")):
        x1, y1, x2, y2 = panel.view.canvas.bbox(item)
        assert x1 >= 0
        assert y1 >= 0
        assert x2 <= width
        assert y2 <= panel.view.canvas.winfo_height()
    words = {panel.view.canvas.itemcget(item, "text") for item in panel.view.canvas.find_withtag("axis")}
    assert ("explore" in words) == (width >= 240)
    screenshot(f"helix-{width}")


def test_many_runs_leave_no_items_images_or_commands_behind(panel: Panel) -> None:
    def counts() -> tuple[int, int, int]:
        canvas = panel.view.canvas
        commands = canvas.tk.splitlist(canvas.tk.call("info", "commands"))
        return len(canvas.find_all()), len(canvas.image_names()), len(commands)

    def one() -> None:
        run = panel.run = ScriptedRun()
        for number in range(1, 6):
            run.round(number)
            for agent in TEAM:
                run.speak(agent, number)
            panel.view.update(run.state, set())
            panel.settle()
        run.synthesise()
        panel.view.update(run.state, set())

    for _ in range(3):
        one()
    before = counts()
    for _ in range(20):
        one()
    assert counts() == before


def test_an_exported_page_spreads_agents_over_a_ring_as_the_window_does() -> None:
    run = ScriptedRun()
    agents = list(run.state.agents.values())
    view = Projection(Helix(), 1_600, 1_600)

    def angle(x: float, y: float, middle: float, axis: float) -> float:
        return math.atan2((y - axis) / drawing.TILT, x - middle)

    for depth, here in ((0.0, agents[:3]), (0.3, agents[:5]), (0.5, agents)):
        seen = view.places([depth] * len(here))
        for number, (place, agent) in enumerate(zip(seen, here, strict=True)):
            x, y = drawing.place_of(run.state, agents.index(agent), depth)
            page = angle(x, y, drawing.WIDE / 2, depth * drawing.TALL)
            turn = (page - angle(*place, view.middle, view.y(depth))) % (2 * math.pi)
            assert min(turn, 2 * math.pi - turn) < 0.4, (
                f"{number} at {depth}; a crowded ring is looked at from higher up"
            )


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("width", [244, 284, 420])
def test_no_node_stands_on_the_words_at_the_ends(
    window: tk.Toplevel, kit: Kit, tmp_path: Path, width: int, count: int
) -> None:
    panel = Panel(window, kit, tmp_path, width)
    agents = [planned_agent(f"research-{number}", spawn=0.0) for number in range(count)]
    panel.view.preview(agents, (0.0, 0.1, 1.0), 2.0)
    canvas = panel.view.canvas
    words = [item for item in canvas.find_withtag("word") if canvas.itemcget(item, "state") != "hidden"]
    for item in words:
        left, top, right, bottom = canvas.bbox(item)
        for agent in agents:
            x, y = panel.view.place_of(agent.agent_id)
            beside = max(left - x, x - right), max(top - y, y - bottom)
            assert max(beside) >= kit.px(helix_view.NODE) / 2 - 1, (canvas.itemcget(item, "text"), agent.agent_id)
    assert count > 6 or words or width < 250


def test_on_the_page_all_nodes_are_right_of_the_words_at_the_ends() -> None:
    for count in range(1, 13):
        agents = [planned_agent(f"research-{number}") for number in range(count)]
        run = Run(tuple(agent.agent_id for agent in agents))
        state = run.hub.state
        for depth in (0.0, 0.3, 1.0):
            places = [drawing.place_of(state, number, depth) for number in range(count)]
            assert min(x for x, _ in places) >= 11
            assert max(y for _, y in places) <= drawing.TALL + drawing.BELOW - 11
            assert min(y for _, y in places) >= 11 - drawing.ABOVE
        assert f'x="{2 - drawing.GUTTER}" dy="14">explore<' in drawing.helix(state)
