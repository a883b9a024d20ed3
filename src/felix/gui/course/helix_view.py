"""Where every agent is: the helix in the right panel, with one node per agent at the depth of its prompt.

The background is one picture, painted when size, theme or progress change; nodes are canvas images that only move.
"""

from __future__ import annotations

import math
import tkinter as tk
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PIL import ImageTk

from felix.events import AgentId, PlannedAgent
from felix.gui.course.helix_picture import Ink, Projection, labels, paint
from felix.gui.kit import Kit
from felix.gui.pointer_tip import PointerTip
from felix.gui.wall.card_words import DOT, badge_of
from felix.ledger.speech import Agent
from felix.ledger.state import RunState
from felix.ledger.words import deed_of
from felix.settings import SettingsFile
from felix.team.helix import Helix

GLIDE_S = 0.25
FRAME_S = 1 / 15
NODE, ACTIVE_NODE = 24, 28
LABEL_X = 14
KEPT = 8
"""Backgrounds: a run has about as many."""
REACH_PX = 15
"""How near the pointer must be to the middle of a node."""


@dataclass(frozen=True, slots=True)
class Node:
    """An agent as it is drawn."""

    agent_id: AgentId
    code: str
    state: str
    is_active: bool
    depth: float
    words: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn, without its places."""

    nodes: tuple[Node, ...] = ()
    checkpoints: tuple[float, ...] = ()
    turns: float = 2.0
    reach: float = -1.0
    """The depth down to which the curve has been travelled; below 0 nothing has."""
    current: tuple[float, ...] = ()
    heading: str = ""


class HelixView:
    """`frame` is placed by the caller. It implements View."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        on_agent: Callable[[AgentId], None],
        is_replay: Callable[[], bool] = lambda: False,
    ) -> None:
        """`on_agent` hears of a click on a node; `is_replay` tells whether what is shown has long passed."""
        self._kit, self._settings, self._on_agent, self._is_replay = kit, settings, on_agent, is_replay
        self.frame = kit.frame(parent, "side")
        head = kit.frame(self.frame, "side", padding=(14, 12, 14, 0))
        head.pack(fill="x")
        self._title = kit.label(head, "Helix", "Strong", on="side")
        self.heading = kit.label(head, "", "Small", "text2", "side")
        self.heading.pack(side="right")
        self._title.pack(side="left")
        self.canvas = kit.canvas(self.frame, "side", width=1, height=1, takefocus=True)
        self.canvas.pack(fill="both", expand=True)
        self._tip = PointerTip(self.canvas, kit)
        self.scene = Scene()
        self._outlines: dict[object, object] = {}
        """Of the run (None) and its agents, as they were when the scene was made last."""
        self._pictures: OrderedDict[object, ImageTk.PhotoImage] = OrderedDict()
        self._background = self.canvas.create_image(0, 0, anchor="nw")
        self._items: dict[AgentId, int] = {}
        self._at: dict[AgentId, tuple[float, float]] = {}
        self._placed: tuple[object, object, list[tuple[float, float]]] = (None, None, [])
        """Of which projection and depths these are the places."""
        self._glides: dict[AgentId, tuple[tuple[float, float], tuple[float, float]]] = {}
        self._began: float | None = None
        self._moved_at = 0.0
        self._chosen: AgentId | None = None
        self._has_focus = False
        for sequence, handler in (
            ("<Configure>", lambda _event: self._draw(glide=False)),
            ("<Motion>", self._point),
            ("<Leave>", lambda _event: self._tip.hide()),
            ("<Button-1>", self._press),
            ("<FocusIn>", lambda _event: self._focus(is_in=True)),
            ("<FocusOut>", lambda _event: self._focus(is_in=False)),
            ("<Right>", lambda _event: self._step(1)),
            ("<Down>", lambda _event: self._step(1)),
            ("<Left>", lambda _event: self._step(-1)),
            ("<Up>", lambda _event: self._step(-1)),
            ("<Return>", lambda _event: self._open()),
            ("<space>", lambda _event: self._open()),
        ):
            self.canvas.bind(sequence, handler)
        kit.on_theme_change(lambda: self._draw(glide=False), owner=self.canvas)
        kit.on_font_change(lambda: self._draw(glide=False), owner=self.canvas)

    # -- View ----------------------------------------------------------------------------------------------------------

    def preview(self, agents: Sequence[PlannedAgent], checkpoints: Sequence[float], turns: float) -> None:
        """The agents of a workflow, hollow, where they will enter."""
        nodes = tuple(
            Node(a.agent_id, a.code, "queue", False, a.spawn, f"enters at depth {a.spawn:.2f}") for a in agents
        )
        count = "1 agent" if len(nodes) == 1 else f"{len(nodes)} agents"
        self._set(Scene(nodes, tuple(sorted(checkpoints)), turns, heading=count), glide=False)

    def show(self, state: RunState) -> None:
        self._outlines.clear()
        if state.plan is not None:
            self._set(self._scene_of(state), glide=False)

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        if state.plan is not None and self._has_changed(state, dirty):
            self._set(self._scene_of(state), glide=True)

    def tick(self, now: float) -> bool:
        if not self._glides:
            return False
        if self._began is None:
            self._began = now
        share = (now - self._began) / GLIDE_S
        if share < 1 and now - self._moved_at < FRAME_S:
            return True
        self._moved_at = now
        eased = 1 - (1 - min(1.0, share)) ** 3
        for agent_id, (start, end) in self._glides.items():
            self._move(agent_id, (start[0] + (end[0] - start[0]) * eased, start[1] + (end[1] - start[1]) * eased))
        if share >= 1:
            self._glides.clear()
            self._began = None
        return bool(self._glides)

    def place_of(self, agent_id: AgentId) -> tuple[float, float]:
        """Where a node is on the canvas now, in pixels. Raises KeyError for one that is not shown."""
        return self._at[agent_id]

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _has_changed(self, state: RunState, dirty: set[AgentId]) -> bool:
        """Whether there may be something else to draw: most records bring text alone, and a scene is not free."""
        outlines: dict[object, object] = {
            agent_id: _outline(state.agents[agent_id]) for agent_id in dirty if agent_id in state.agents
        }
        outlines[None] = (
            state.run, state.status, state.synthesis is None, state.round, state.rounds, state.pause,
            len(state.agents), self._is_replay(),
        )  # fmt: skip
        if all(key in self._outlines and self._outlines[key] == each for key, each in outlines.items()):
            return False
        self._outlines |= outlines
        return True

    def _scene_of(self, state: RunState) -> Scene:
        scene = scene_of(state)
        return replace(scene, heading=f"{scene.heading}{DOT}replay") if self._is_replay() else scene

    def _set(self, scene: Scene, *, glide: bool) -> None:
        if scene == self.scene:
            return
        self.scene = scene
        self._draw(glide=glide)

    def _projection(self) -> Projection:
        canvas = self.canvas
        helix = Helix(turns=self.scene.turns)
        return Projection(helix, max(1, canvas.winfo_width()), max(1, canvas.winfo_height()), self._kit.px(100) / 100)

    def _draw(self, *, glide: bool) -> None:
        if self.heading.cget("text") != self.scene.heading:
            self.heading.configure(text=self.scene.heading)
        self._fit_title()
        view = self._projection()
        if view.height < self._kit.px(120) or view.width < self._kit.px(80):
            return
        self._draw_background(view)
        self._draw_nodes(view, glide=glide and not self._settings.current.reduce_motion)

    def _fit_title(self) -> None:
        """In large type there is room for the phase alone, which says more."""
        room = self.canvas.winfo_width() - self._kit.px(36)
        if self._title.winfo_reqwidth() + self.heading.winfo_reqwidth() > room > 0:
            self._title.pack_forget()
        elif not self._title.winfo_manager():
            self._title.pack(side="left")

    def _draw_background(self, view: Projection) -> None:
        kit, canvas, scene = self._kit, self.canvas, self.scene
        key = (view, scene.checkpoints, scene.reach, scene.current, kit.mode)
        picture = self._pictures.pop(key, None)
        if picture is None:
            ink = Ink(kit["side"], kit["text2"], kit["primary"], kit["state:write"])
            picture = kit.photo(paint(view, scene.checkpoints, scene.reach, scene.current, ink))
        self._pictures[key] = picture
        canvas.itemconfigure(self._background, image=str(picture))
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        canvas.delete("axis")
        line = kit.font("Tiny").metrics("linespace")
        x = kit.px(LABEL_X)
        numbers = labels(view, scene.checkpoints, line + 1)
        for depth, y in numbers.items():
            colour = kit["ink:write" if depth in scene.current else "text2"]
            canvas.create_text(x, y, text=f"{depth:.1f}" if round(depth, 1) == depth else f"{depth:.2f}", anchor="w",
                               font="Tiny", fill=colour, tags="axis")  # fmt: skip
        if not view.is_narrow:
            ys = sorted(numbers.values())
            for y, word in ((ys[0], "explore"), (ys[-1], "answer")):
                if word == "answer" or len(ys) < 2 or ys[1] - ys[0] > 2 * line:
                    tags = ("axis", "word")
                    canvas.create_text(x, y + line, text=word, anchor="w", font="Tiny", fill=kit["text2"], tags=tags)

    def _draw_nodes(self, view: Projection, *, glide: bool) -> None:
        nodes = self.scene.nodes
        depths = tuple(node.depth for node in nodes)
        if self._placed[:2] != (view, depths):  # to set thirty-two of them apart takes many milliseconds
            self._placed = (view, depths, view.places(depths))
        places = self._placed[2]
        for agent_id in self._items.keys() - {node.agent_id for node in nodes}:
            self.canvas.delete(self._items.pop(agent_id))
            self._at.pop(agent_id)
            self._glides.pop(agent_id, None)
        if not glide:
            self._glides.clear()
        is_new_move = False
        for node, place in zip(nodes, places, strict=True):
            image = self._image(node)
            item = self._items.get(node.agent_id)
            if item is None:
                item = self._items[node.agent_id] = self.canvas.create_image(*place, tags="node")
                self._at[node.agent_id] = place
            self.canvas.itemconfigure(item, image=image)
            heading_for = self._glides.get(node.agent_id, (None, self._at[node.agent_id]))[1]
            if heading_for == place:
                continue
            if glide:
                self._glides[node.agent_id] = (self._at[node.agent_id], place)
                is_new_move = True
            else:
                self._move(node.agent_id, place)
        if is_new_move:
            self._began = None
            for agent_id, (_, end) in list(self._glides.items()):
                self._glides[agent_id] = (self._at[agent_id], end)
        for node, _ in sorted(zip(nodes, places, strict=True), key=lambda pair: pair[1][1]):
            self.canvas.tag_raise(self._items[node.agent_id])
        self._clear_words(places)

    def _clear_words(self, places: Sequence[tuple[float, float]]) -> None:
        """A word at an end of the axis makes way for a node: to the other side of its number, or altogether."""
        canvas, reach = self.canvas, self._kit.px(ACTIVE_NODE) / 2
        line = self._kit.font("Tiny").metrics("linespace")

        def is_covered(item: int) -> bool:
            left, top, right, bottom = canvas.bbox(item)
            return any(left - reach < x < right + reach and top - reach < y < bottom + reach for x, y in places)

        for item in canvas.find_withtag("word"):
            if is_covered(item):
                canvas.move(item, 0, -2 * line)
                if is_covered(item):
                    canvas.itemconfigure(item, state="hidden")

    def _image(self, node: Node) -> str:
        kit = self._kit
        px = ACTIVE_NODE if node.is_active else NODE
        if self._has_focus and node.agent_id == self._chosen:
            ring = "primary"
            px = ACTIVE_NODE
        else:
            ring = kit.mix("side", f"state:{node.state}", 0.28) if node.is_active else "side"
        is_hollow = node.state == "queue"
        return kit.avatar(node.code, node.state, "side", px, solid=not is_hollow, hollow=is_hollow, ring=ring)

    def _move(self, agent_id: AgentId, place: tuple[float, float]) -> None:
        self._at[agent_id] = place
        self.canvas.coords(self._items[agent_id], *place)

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _node_at(self, x: float, y: float) -> Node | None:
        near = [(math.dist((x, y), self._at[n.agent_id]), n) for n in self.scene.nodes if n.agent_id in self._at]
        distance, node = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        return node if distance <= self._kit.px(REACH_PX) else None

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        node = self._node_at(event.x, event.y)
        self.canvas.configure(cursor="hand2" if node else "")
        self._tip.show(f"{node.agent_id}\n{node.words}" if node else "", event.x_root, event.y_root)

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self._tip.hide()
        if node := self._node_at(event.x, event.y):
            self._on_agent(node.agent_id)

    def _focus(self, *, is_in: bool) -> None:
        self._has_focus = is_in
        ids = [node.agent_id for node in self.scene.nodes]
        if self._chosen not in ids:
            self._chosen = ids[0] if ids else None
        self._repaint_nodes()
        if not is_in:
            self._tip.hide()

    def _step(self, by: int) -> str:
        ids = [node.agent_id for node in self.scene.nodes]
        if ids:
            place = ids.index(self._chosen) + by if self._chosen in ids else 0
            self._chosen = ids[place % len(ids)]
            self._repaint_nodes()
            node = next(each for each in self.scene.nodes if each.agent_id == self._chosen)
            x, y = self._at[node.agent_id]
            canvas = self.canvas
            self._tip.show(
                f"{node.agent_id}\n{node.words}", canvas.winfo_rootx() + int(x), canvas.winfo_rooty() + int(y)
            )
        return "break"

    def _open(self) -> str:
        if self._chosen is not None and self._chosen in self._items:
            self._tip.hide()
            self._on_agent(self._chosen)
        return "break"

    def _repaint_nodes(self) -> None:
        for node in self.scene.nodes:
            if node.agent_id in self._items:
                self.canvas.itemconfigure(self._items[node.agent_id], image=self._image(node))


def scene_of(state: RunState) -> Scene:
    """What a run looks like now."""
    assert state.plan is not None
    checkpoints = tuple(sorted({turn.checkpoint for each in state.rounds for turn in each.turns}))
    is_over = state.status is not None
    spoke = [thought.checkpoint for thought in state.thoughts.values()]
    # an answer that came of the whole way: a run that was wrapped up went no further than its last round
    has_gone_all_the_way = state.synthesis is not None and not any(each.number > state.round for each in state.rounds)
    reach = 1.0 if has_gone_all_the_way else max(spoke, default=-1.0)
    current: tuple[float, ...] = ()
    if not is_over and state.synthesis is None:
        now = next((each for each in state.rounds if each.number == state.round), None)
        current = tuple(sorted({turn.checkpoint for turn in now.turns})) if now else ()
    nodes = tuple(_node(agent, is_over=is_over) for agent in state.agents.values())
    return Scene(nodes, checkpoints, state.plan.helix_turns, reach, current, heading_of(state))


def heading_of(state: RunState) -> str:
    """`round 2 of 5`, `paused`, `synthesis`, `complete` …"""
    if state.status is not None:
        return "stopped by an error" if state.status == "crashed" else state.status
    if deed := deed_of(state):
        return deed[0].lower() + deed[1:]
    if state.synthesis is not None:
        return "synthesis"
    if state.pause == "paused":
        return "paused"
    if state.round:
        return f"round {state.round} of {len(state.rounds)}"
    return "1 agent" if len(state.agents) == 1 else f"{len(state.agents)} agents"


def _outline(agent: Agent) -> tuple[object, ...]:
    """Whatever of an agent decides how its node looks."""
    thought = agent.latest
    if thought is None:
        return (agent.depth,)
    return (
        agent.depth, thought.thought_id, thought.checkpoint, thought.status, thought.activity, thought.position,
        thought.fraction, thought.temperature,
    )  # fmt: skip


def _node(agent: Agent, *, is_over: bool) -> Node:
    thought = agent.latest
    badge = badge_of(thought, run_is_over=is_over)
    is_active = thought is not None and thought.is_live and not is_over and badge.state != "queue"
    words = f"{badge.word}{DOT}depth {agent.depth:.2f}"
    if thought is not None and thought.temperature is not None:
        words += f"{DOT}temperature {thought.temperature:.2f}"
    return Node(agent.agent_id, agent.code, badge.state, is_active, agent.depth, words)
