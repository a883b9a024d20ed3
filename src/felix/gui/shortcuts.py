"""The keys of the window: what each does, the list of them, and the one binding that serves each."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk as plain

from felix.gui.kit import Kit, ScrolledFrame

WIDE = 700
"""From this width on the list has two columns, in type of 100 %."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key for people, what it does, and Tk's own names for it."""

    keys: str
    does: str
    sequences: tuple[str, ...] = ()


RUN = Shortcut("Ctrl+Enter", "Run the task", ("<Control-Return>", "<Control-KP_Enter>"))
NOTE = Shortcut("Ctrl+Shift+N", "A note to the agents", ("<Control-N>",))
PAUSE = Shortcut("Ctrl+Shift+P", "Pause after this round; go on; continue a run", ("<Control-P>",))
WRAP_UP = Shortcut(
    "Ctrl+Shift+Enter", "Wrap up: write the answer now", ("<Control-Shift-Return>", "<Control-Shift-KP_Enter>")
)
ESCAPE = Shortcut("Esc", "Close what is open; then stop the run", ("<Escape>",))
FIND = Shortcut("Ctrl+F", "Find in the card with the focus, or in the answer", ("<Control-f>", "<Control-F>"))
SEARCH_RUNS = Shortcut("Ctrl+Shift+F", "Search in all runs", ("<Control-Shift-F>", "<Control-Shift-f>"))
NEW_RUN = Shortcut("Ctrl+N", "A new task", ("<Control-n>",))
RUNS = Shortcut("Ctrl+B", "Show or hide the runs", ("<Control-b>",))
FOCUS_CARD = Shortcut("Ctrl+1 … Ctrl+9", "Go to an agent's card", tuple(f"<Control-Key-{n}>" for n in range(1, 10)))
NEXT_TAB = Shortcut("Ctrl+Tab", "Next tab", ("<Control-Tab>",))
PREVIOUS_TAB = Shortcut("Ctrl+Shift+Tab", "Previous tab", ("<Control-Shift-Tab>", "<Control-ISO_Left_Tab>"))
NEXT_REGION = Shortcut("F6", "Next region: runs, task, agents, synthesis, helix", ("<F6>",))
PREVIOUS_REGION = Shortcut("Shift+F6", "Previous region", ("<Shift-F6>", "<XF86_Switch_VT_6>"))
LARGER = Shortcut("Ctrl +", "Larger text", ("<Control-plus>", "<Control-equal>", "<Control-KP_Add>"))
SMALLER = Shortcut("Ctrl −", "Smaller text", ("<Control-minus>", "<Control-KP_Subtract>"))
NORMAL_SIZE = Shortcut("Ctrl+0", "Normal text size", ("<Control-Key-0>", "<Control-KP_0>"))
SETTINGS = Shortcut("Ctrl+,", "Settings", ("<Control-comma>",))
RIGHT_PANEL = Shortcut("Ctrl+Shift+B", "Show or hide the helix", ("<Control-B>",))
HELP = Shortcut("F1", "This list", ("<F1>",))

IN_A_CARD = (
    Shortcut("Enter, double click", "Make the card big, and small again"),
    Shortcut("Ctrl+C", "Copy the selection, or the whole card"),
    Shortcut("End", "Jump to the latest text and follow it"),
    Shortcut("T", "Open or fold the newest thinking"),
    Shortcut("C", "Choose the newest tool call, then those before it; Enter opens it"),
    Shortcut("A", "Ask the agent about what it said"),
    Shortcut("R", "Have the agent try again"),
    Shortcut("Del", "Stop the agent"),
)
IN_THE_RUNS = (
    Shortcut("Enter", "Open the run"),
    Shortcut("F2", "Give it another name"),
    Shortcut("Del", "Delete it"),
    Shortcut("Ctrl+Z", "Take the deletion back"),
    Shortcut("Ctrl+C", "Copy its task"),
)
IN_THE_MODELS = (
    Shortcut("Letters", "Search models and servers"),
    Shortcut("Enter", "Take the model, and its server with it"),
    Shortcut("Shift+Enter", "Load or unload it"),
)
IN_A_REPLAY = (
    Shortcut("Space", "Play and pause, with the keyboard in the bar or the timeline"),
    Shortcut("← →", "Five seconds back or on"),
    Shortcut("Shift+← →", "To the round before or the next"),
    Shortcut("Home, End", "To the start, to the run as it ended"),
)
GROUPS = (
    ("Run", (RUN, NEW_RUN, WRAP_UP, PAUSE, NOTE, ESCAPE)),
    ("Go to", (FOCUS_CARD, FIND, SEARCH_RUNS, NEXT_REGION, PREVIOUS_REGION, NEXT_TAB, SETTINGS)),
    ("In the list of runs", IN_THE_RUNS),
    ("In a card", IN_A_CARD),
    ("In the models at the task", IN_THE_MODELS),
    ("In a replay", IN_A_REPLAY),
    ("Look", (LARGER, SMALLER, NORMAL_SIZE, RUNS, RIGHT_PANEL, HELP)),
)


def bind(root: tk.Misc, shortcut: Shortcut, action: Callable[[tk.Event[tk.Misc]], object]) -> None:
    """Have a key work anywhere in the window. Keys this platform does not know are left out."""

    def run(event: tk.Event[tk.Misc]) -> str:
        action(event)
        return "break"

    for sequence in shortcut.sequences:
        try:
            root.bind(sequence, run)
        except tk.TclError:
            continue
        # on X11 text fields take some of these for the ways of Emacs: the cursor would move, or text be selected
        for virtual in root.event_info():
            root.event_delete(virtual, sequence)


def leave_run(widget: tk.Misc) -> None:
    """Let these through to the window where Enter alone means something: for Tk, Ctrl+Enter is an Enter as well."""
    for sequence in (*RUN.sequences, *WRAP_UP.sequences):
        widget.bind(sequence, lambda _event: None)


def fill(body: tk.Misc, kit: Kit) -> ScrolledFrame:
    """Write the list of shortcuts: side by side where there is room, else one below the other, to be scrolled."""
    scrolled = kit.scrolled_frame(body, "card")
    scrolled.frame.pack(fill="both", expand=True)
    sides: list[tk.Widget] = []
    keys: list[tk.Widget] = []
    words: list[plain.Label] = []
    for groups in (GROUPS[:3], GROUPS[3:]):
        side = kit.frame(scrolled.body, "card", padding=(18, 10, 18, 10))
        sides.append(side)
        row = 0
        for title, shortcuts in groups:
            kit.label(side, title, "SmallStrong", "text2", "card", padding=(0, 10, 0, 4)).grid(
                row=row, column=0, columnspan=2, sticky="w"
            )
            for shortcut in shortcuts:
                row += 1
                keys.append(kit.label(side, shortcut.keys, "Strong", on="card"))
                keys[-1].grid(row=row, column=0, sticky="nw", padx=(0, kit.px(14)), pady=kit.px(3))
                words.append(kit.label(side, shortcut.does, on="card"))
                words[-1].grid(row=row, column=1, sticky="nw", pady=kit.px(3))
            row += 1

    def fit(width: int) -> None:
        is_wide = width >= kit.px(WIDE) * kit.font_percent / 100
        for number, side in enumerate(sides):
            side.grid(row=0 if is_wide else number, column=number if is_wide else 0, sticky="nsew")
        scrolled.body.columnconfigure(0, weight=1)
        scrolled.body.columnconfigure(1, weight=int(is_wide))
        taken = max(label.winfo_reqwidth() for label in keys) + kit.px(60)
        for label in words:
            label.configure(wraplength=max(kit.px(120), width // (2 if is_wide else 1) - taken))

    scrolled.canvas.bind("<Configure>", lambda event: fit(event.width), add="+")
    return scrolled
