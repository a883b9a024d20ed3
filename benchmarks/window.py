"""One run in the real window, measured from inside: python -m benchmarks.window ORDER prints a JSON object.

Everything is real – window, engine, sockets – but for one hook: the time at which a text widget took a text is noted.
"""

from __future__ import annotations

import gc
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.stamped_server import stamped_at

_WHOLE = re.compile(r"~[0-9a-z]+(?![0-9a-z])(?=.|\n)", re.DOTALL)
"""A token with something after it: more of it may come while nothing does."""

SETTLE_S = 0.4
WARM_S = 0.8
"""After the first text: what is imported and drawn once is over, what is measured is the stream."""
LIMIT_S = 120.0
PAST_S, PAST_RATE = 64, 20
"""Length of the run that is played again, and tokens that each of its agents writes in a second."""


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order.

    `agents`, `model` (the server's order), `base_url`; `interval_s`, `typing`, `streaming`. `ledger`: in a file, with
    `commit_s` more for each commit. `idle_s`: no run, only a window left alone for so long. `replay`: no run either,
    but one that has been is played so many times as fast. `then`: more runs in the same window, each with what it has
    of `interval_s` and `typing` changed; their figures stand in `then` of the result. `calm`: no gaps are measured, so
    that the processor time is the window's own.
    """
    from felix.gui.opening import fill, open_empty
    from felix.settings import SettingsFile

    folder = Path(tempfile.mkdtemp(prefix="felix-benchmark-"))
    settings = SettingsFile(folder / "settings.json")
    settings.load()
    settings.override(
        base_url=order["base_url"],
        model=order["model"],
        streaming_batch_interval=float(order.get("interval_s", 0.1)),
        enable_streaming=bool(order.get("streaming", True)),
        typing_effect=bool(order.get("typing", False)),
        max_parallel=32,
        theme="dark",
        has_connected=True,
        workflow=str(_workflow(folder, int(order.get("agents", 1)))),
    )
    app, kit = open_empty(settings.current.theme, settings.current.font_scale)
    app.update()
    mapped_at = time.time()
    if commit_s := float(order.get("commit_s", 0)):
        _slow_down_commits(commit_s)
    window = fill(app, kit, settings, demo=False, ledger=folder / "ledger.db" if order.get("ledger") else None)
    probe = _Probe(window, is_calm=bool(order.get("calm")))
    probe.result["mapped_at"] = mapped_at
    more = list(order.get("then", []))
    then: list[dict[str, Any]] = []

    def go_on() -> None:
        """Run the next, or end it."""
        if not more:
            window.close()
            return
        changed = more.pop(0)
        settings.override(
            streaming_batch_interval=float(changed.get("interval_s", settings.current.streaming_batch_interval)),
            typing_effect=bool(changed.get("typing", settings.current.typing_effect)),
        )
        another = _Probe(window, is_calm=probe.is_calm)
        another.on_end = go_on
        then.append(another.result)
        another.begin("Why?")

    probe.on_end = go_on
    window.app.after_idle(window.start)
    if idle_s := float(order.get("idle_s", 0)):
        window.app.after(int(1000 * SETTLE_S) + 1500, lambda: probe.rest(idle_s))
    elif speed := float(order.get("replay", 0)):
        window.app.after(int(1000 * SETTLE_S), lambda: probe.open_past(int(order["agents"]), speed))
    else:
        window.app.after(int(1000 * SETTLE_S), lambda: probe.begin("Why?"))
    window.app.mainloop()
    return {**probe.result, "then": then}


class _Probe:
    def __init__(self, window: Any, *, is_calm: bool) -> None:  # Any: the window is imported only when it is measured
        self.result: dict[str, Any] = {}
        self.is_calm = is_calm
        self.on_end: Callable[[], None] = window.close
        self._window = window
        self._gaps: list[float] = []
        self._last_tick = 0.0
        self._ticks = 0
        self._shown: dict[int, list[tuple[float, str]]] = {}
        self._rss: list[tuple[int, int]] = []
        self._cpu: list[tuple[int, float]] = []
        """Tokens so far and seconds of processor time, from `WARM_S` after the first text until the last token."""
        self._hook()

    def rest(self, seconds: float) -> None:
        began, cpu = time.monotonic(), time.process_time()

        def over() -> None:
            self.result["idle_cpu"] = (time.process_time() - cpu) / (time.monotonic() - began)
            self._window.close()

        self._window.app.after(int(1000 * seconds), over)

    def open_past(self, agents: int, speed: float) -> None:
        """Show a run of `PAST_S` seconds as it ended, then play it from its beginning."""
        from benchmarks.runs import told

        tokens = round(PAST_S / 1.5 * PAST_RATE)  # the hub takes half as long as the agents
        run = told("past", began_at=time.time() - 3_600, agents=agents, tokens=tokens, tokens_per_s=PAST_RATE)
        self._window.bridge.open(run)
        player = self._window.bridge.player

        def play() -> None:
            player.set_speed(speed)
            player.play()
            self._window.column.pin("agents")
            self._last_tick = time.monotonic()
            follow()

        def follow() -> None:
            now = time.monotonic()
            self._gaps.append(now - self._last_tick)
            self._last_tick = now
            if player.is_playing:
                self._window.app.after(5, follow)
            else:
                self.result["gap_ms"] = _spread(self._gaps)
                self._window.close()

        gc.collect()
        self._window.app.after(int(1000 * SETTLE_S), play)

    def begin(self, task: str) -> None:
        window = self._window
        window.composer.box.text = task
        gc.collect()
        self._asked_at = time.monotonic()
        window.composer.run()
        self._last_tick = time.monotonic()
        window.app.after(5, self._look if self.is_calm else self._tick)

    def _hook(self) -> None:
        import tkinter as tk

        insert, shown = tk.Text.insert, self._shown

        def noted(widget: tk.Text, index: Any, chars: str, *tags: Any) -> None:
            insert(widget, index, chars, *tags)
            if "~" in chars or id(widget) in shown:
                shown.setdefault(id(widget), []).append((time.monotonic(), chars))

        tk.Text.insert = noted  # type: ignore[method-assign]
        self._unhook = lambda: setattr(tk.Text, "insert", insert)

    def _look(self) -> None:
        """Ten times a second: whether the run is over."""
        if self._is_over(time.monotonic()):
            self._window.app.after(int(1000 * SETTLE_S), self._finish)
        else:
            self._window.app.after(100, self._look)

    def _tick(self) -> None:
        """Every 5 ms, and nearly nothing: what the probe costs is counted as the window's."""
        now = time.monotonic()
        if self._shown:  # from the first text on: importing the SDK and building the cards is not what is measured
            self._gaps.append(now - self._last_tick)
        self._last_tick = now
        self._ticks += 1
        if self._ticks % 20 == 0 and self._is_over(now):
            self._window.app.after(int(1000 * SETTLE_S), self._finish)
        else:
            self._window.app.after(5, self._tick)

    def _is_over(self, now: float) -> bool:
        state = self._window.bridge.state
        tokens = sum(thought.tokens for thought in state.thoughts.values())
        if not self._rss or tokens - self._rss[-1][0] > 2_000:
            self._rss.append((tokens, _rss()))
        if self._shown and now - self._first_at() > WARM_S:
            self._cpu.append((tokens, time.process_time()))
        return state.synthesis is not None or state.status is not None or now - self._asked_at > LIMIT_S

    def _first_at(self) -> float:
        return min((pieces[0][0] for pieces in self._shown.values()), default=0.0)

    def _finish(self) -> None:
        state = self._window.bridge.state
        latencies, ends = list[float](), list[float]()
        for pieces in self._shown.values():
            seen = list(_tokens(pieces))
            latencies += [at - written for at, written in seen]
            if seen:
                ends.append(seen[-1][0] - seen[-1][1])
        tokens = sum(thought.usage.completion for thought in state.thoughts.values() if thought.usage)
        finished = [thought.ended_at for thought in state.thoughts.values() if thought.ended_at]
        self.result.update(
            tokens=tokens,
            seen=len(latencies),
            latency_ms=_spread(latencies),
            gap_ms=_spread(self._gaps),
            cpu_s_per_1000=_per_1000(self._cpu),
            first_character_s=self._first_at() - self._asked_at,
            whole_after_last_ms=1000 * max(ends, default=0.0),
            run_s=max(finished, default=0.0) - state.started_at,
            mb_per_10k=_growth(self._rss),
            status=str(state.status),
        )
        self._unhook()
        self.on_end()


def _slow_down_commits(seconds: float) -> None:
    """As on a slow disk: every transaction takes longer."""
    from felix.ledger.file import Ledger

    write = Ledger._write

    def slow(ledger: Any, *what: Any, **more: Any) -> None:
        time.sleep(seconds)
        write(ledger, *what, **more)

    Ledger._write = slow  # type: ignore[method-assign]


def _tokens(pieces: list[tuple[float, str]]) -> Iterator[tuple[float, float]]:
    """When each token stood whole in the widget, and when it was written."""
    text = ""
    known = set()  # a line may be taken back and put in again with its format: what counts is the first time
    for at, piece in [*pieces, (pieces[-1][0], " ")]:
        text += piece
        end = 0
        for match in _WHOLE.finditer(text):
            end = match.end()
            if match[0] not in known and 0 <= at - (written := stamped_at(match[0])) < LIMIT_S:
                known.add(match[0])
                yield at, written
        text = text[end:]


def _spread(seconds: list[float]) -> dict[str, float]:
    """p50, p99 and the largest, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    pick = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)  # noqa: E731
    return {"p50": pick(0.5), "p99": pick(0.99), "max": pick(1.0)}


def _per_1000(samples: list[tuple[int, float]]) -> float | None:
    """Seconds of processor time per 1,000 tokens, the whole process."""
    if len(samples) < 2 or samples[-1][0] == samples[0][0]:
        return None
    (first, before), (last, after) = samples[0], samples[-1]
    return round(1000 * (after - before) / (last - first), 3)


def _growth(samples: list[tuple[int, int]]) -> float | None:
    """Megabytes of resident memory per 10,000 tokens, between the first quarter and the end."""
    if len(samples) < 4 or samples[-1][0] < 8_000:
        return None
    (first, before), (last, after) = samples[len(samples) // 4], samples[-1]
    return round((after - before) / 2**20 / ((last - first) / 10_000), 2)


def _rss() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _workflow(folder: Path, agents: int) -> Path:
    parts = []
    for number, start in enumerate(range(0, agents, 16)):
        name = "research" if number == 0 else "survey"
        parts.append(f"  - {{id: {name}, role: research, count: {min(16, agents - start)}}}")
    path = folder / "benchmark.yaml"
    lines = "\n".join(parts)
    path.write_text(
        f'name: Benchmark\ncheckpoints: [0]\nsynthesis: {{model: "rate=0,tokens=3"}}\nagents:\n{lines}\n',
        encoding="utf-8",
    )
    return path


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
