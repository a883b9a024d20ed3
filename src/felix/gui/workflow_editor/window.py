"""The window around a workflow file: what is wrong with it, what it would be, and the ways to keep or leave it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from pathlib import Path

from felix.errors import WorkflowError
from felix.gui.kit import Kit
from felix.gui.workflow_editor.code_pane import CodePane
from felix.gui.workflow_editor.question import Question
from felix.gui.workflow_editor.servers import unknown
from felix.gui.workflow_editor.servers_menu import ServersMenu
from felix.gui.workflow_editor.tools import missing_tool
from felix.gui.workflow_editor.tools_menu import NOBODY_ASKED, Told, ToolsMenu
from felix.llm.models import ServerReport
from felix.settings import Settings
from felix.team.schedule import describe, schedule
from felix.team.workflow import Entry, Library, Workflow, parse

CHECK_MS = 250
"""Without an edit this long, the text is checked."""
LOOK_MS = 1_500
"""Between two looks whether another program has written the file."""
NOTE_MS = 4_000
_SIZE, _LEAST = (960, 680), (520, 360)

Stamp = tuple[int, int]
"""Time of change in nanoseconds, and size."""


class WorkflowEditor:
    """One file in one window. Raises WorkflowError, and opens nothing, when the file cannot be read as text."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        library: Library,
        entry: Entry,
        *,
        settings: Callable[[], Settings],
        reports: Callable[[], Mapping[str, ServerReport]],
        on_saved: Callable[[Entry], object],
        on_duplicate: Callable[[Entry], object],
        on_close: Callable[[], object],
        told: Told = NOBODY_ASKED,
    ) -> None:
        """`reports` are by base URL; `told` is of tools; `on_duplicate` gets an entry to copy and open: what a built-in
        file offers instead of Save."""
        self._kit, self._library, self._on_saved, self._on_close = kit, library, on_saved, on_close
        self._settings, self._reports, self._told = settings, reports, told
        self.path = entry.path
        self.is_editable = not entry.is_builtin
        self.fault: WorkflowError | None = None
        """Of the text as it was last checked."""
        self.unknown: tuple[int, str] | None = None
        """The line of an endpoint or a tool that the settings do not have, and a sentence. It can be saved all the
        same."""
        self.servers: ServersMenu | None = None
        self.tools: ToolsMenu | None = None
        self._entry = entry
        self._on_disk = library.text(entry)
        self._baseline: str | None = None
        """The text without changes of the user's; None when whatever stands here differs from the file."""
        self._stamp = _stamp_of(self.path)
        self._check_after = self._look_after = self._note_after = ""

        self.window = tk.Toplevel(parent)
        self.window.withdraw()
        self.window.title(f"{entry.name} – Felix")
        self._place(parent)
        edge = kit.frame(self.window, "line2", padding=1)  # without a window manager nothing else shows where it ends
        edge.pack(fill="both", expand=True)
        frame = kit.frame(edge, "side")
        frame.pack(fill="both", expand=True)
        self._fill_head(frame, entry, on_duplicate)
        self.question = Question(frame, kit)
        self._fill_foot(frame)
        holder = kit.frame(frame, "card", padding=3, box="card", outer="side")
        holder.pack(fill="both", expand=True, padx=kit.px(12))
        self.question.before = holder
        self.pane = CodePane(holder, kit, editable=self.is_editable, on_edit=self._edited)
        self.pane.frame.pack(fill="both", expand=True)
        self._load(self._on_disk)
        self._bind()
        self.window.deiconify()
        self.pane.text.focus_set()
        self._look_after = self.window.after(LOOK_MS, self._look)

    def _place(self, parent: tk.Misc) -> None:
        kit, window, root = self._kit, self.window, parent.winfo_toplevel()
        width = min(kit.px(_SIZE[0]), window.winfo_screenwidth())
        height = min(kit.px(_SIZE[1]), window.winfo_screenheight() - kit.px(40))
        x = root.winfo_rootx() + max(0, (root.winfo_width() - width) // 2)
        y = root.winfo_rooty() + max(0, (root.winfo_height() - height) // 2)
        window.geometry(f"{width}x{height}+{x}+{y}")
        window.minsize(kit.px(_LEAST[0]), kit.px(_LEAST[1]))
        if root.winfo_viewable():  # a window above one that is not there would not show either
            window.transient(root)

    def _fill_head(self, parent: tk.Misc, entry: Entry, on_duplicate: Callable[[Entry], object]) -> None:
        kit = self._kit
        head = kit.frame(parent, "side", padding=(16, 12, 12, 8))
        head.pack(fill="x")
        if self.is_editable:
            self.save_button = kit.button(
                head, "Save", "check2", "primary", "side", command=self.save, tooltip="Save (Ctrl+S)"
            )
            self.servers = ServersMenu(
                head, kit, read=lambda: self.pane.content, workflow=self.check, settings=self._settings,
                reports=self._reports, on_change=self._take_servers, on_error=self._say_error,
            )  # fmt: skip
            self.tools = ToolsMenu(
                head, kit, read=lambda: self.pane.content, workflow=self.check, settings=self._settings,
                told=self._told, on_change=self._take_servers, on_error=self._say_error,
            )  # fmt: skip
        else:
            self.save_button = kit.button(
                head, "Duplicate to edit", "copy", "primary", "side", command=lambda: on_duplicate(entry)
            )
        self.save_button.pack(side="right")
        if self.servers:
            self.servers.button.pack(side="right", padx=kit.px(8))
        if self.tools:
            self.tools.button.pack(side="right")
        words = kit.frame(head, "side")
        words.pack(side="left", fill="x", expand=True)
        self._title = kit.label(words, entry.name, "H3", on="side")
        self._title.pack(anchor="w")
        where = str(self.path) if self.is_editable else f"{self.path.name} came with Felix and stays as it is"
        kit.label(words, where, "Small", "text2", "side").pack(anchor="w")

    def _fill_foot(self, parent: tk.Misc) -> None:
        kit = self._kit
        foot = kit.frame(parent, "side", padding=(16, 8, 12, 10))
        foot.pack(side="bottom", fill="x")
        self._go = kit.button(
            foot, "Go there", font="Small", on="side", padding=(6, 1, 6, 2), command=self._go_to_fault
        )
        self._verdict = kit.label(foot, "", "Small", "text2", "side", icon="check-lg", anchor="w")
        self._verdict.pack(side="left", fill="x", expand=True)
        foot.bind("<Configure>", lambda event: self._verdict.configure(wraplength=max(200, event.width - kit.px(130))))

    def _bind(self) -> None:
        window = self.window
        window.protocol("WM_DELETE_WINDOW", self.close)
        window.bind("<Escape>", lambda _event: self._escape())
        window.bind("<FocusIn>", lambda event: self._look_now() if event.widget is window else None)
        for key in ("<Control-s>", "<Control-S>"):
            window.bind(key, lambda _event: self.save())
        window.bind("<Destroy>", lambda event: self._gone() if event.widget is window else None)

    # -- the text ------------------------------------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        """Whether there is something here that the file does not hold."""
        return self.is_editable and self.pane.content != self._baseline

    def check(self) -> Workflow | None:
        """Look at the text now: mark its fault, or say what it would be."""
        self._cancel_check()
        workflow: Workflow | None = None
        try:
            workflow = parse(self.pane.content, self.path.name)
        except WorkflowError as fault:
            self.fault = fault
        else:
            self.fault = None
            self._title.configure(text=workflow.name)
        text, settings = self.pane.content, self._settings()
        self.unknown = None
        if workflow:
            self.unknown = unknown(text, workflow, settings) or missing_tool(text, workflow, settings)
        if self.unknown:
            self.pane.mark_fault(self.unknown[0], "stop")
        else:
            self.pane.mark_fault(self.fault.line if self.fault else None)
        self._show_verdict(workflow)
        self._show_save()
        return workflow

    def save(self) -> bool:
        """Write the file, if there is anything to write and nothing wrong with it."""
        if not self.is_editable or not self.is_changed:
            return not self.is_changed
        if self.check() is None:
            self._go_to_fault()
            return False
        content = self.pane.content
        try:
            entry = self._library.save(self.path, content)
        except WorkflowError as error:
            self._say(str(error), "ink:fail", "exclamation-octagon")
            return False
        self._entry, self._on_disk, self._baseline, self._stamp = entry, content, content, _stamp_of(self.path)
        self.question.hide()
        self._show_save()
        self._note("Saved")
        self._on_saved(entry)
        return True

    def _say_error(self, sentence: str) -> None:
        self._say(sentence, "ink:fail", "exclamation-octagon")

    def _take_servers(self, content: str) -> None:
        """A menu has named another server or tool: one step for Undo."""
        self.pane.change(content)
        self.check()

    def _load(self, content: str) -> None:
        self._on_disk = content
        self.pane.load(content)
        self._baseline = self.pane.content
        self.check()

    def _edited(self) -> None:
        self._cancel_check()
        self._check_after = self.window.after(CHECK_MS, self.check)
        self._show_save()

    def _show_save(self) -> None:
        if self.is_editable:
            can_save = self.is_changed and self.fault is None
            self._kit.set_button(self.save_button, kind="primary" if can_save else "outline")
            self.save_button.state(["!disabled" if can_save else "disabled"])

    # -- closing -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the window; with unsaved changes ask in it first."""
        if not self.is_changed:
            self.window.destroy()
            return
        self.check()
        answers: list[tuple[str, Callable[[], object]]] = [
            ("Discard", self.window.destroy),
            ("Keep editing", self._keep_editing),
        ]
        if self.fault is None:
            answers.append(("Save", self._save_and_close))
        self.question.ask("These changes are not saved.", answers)

    def _save_and_close(self) -> None:
        if self.save():
            self.window.destroy()

    def _escape(self) -> None:
        if self.question.is_asked:
            self._keep_editing()
        else:
            self.close()

    def _keep_editing(self) -> None:
        self.question.hide()
        self.pane.text.focus_set()

    def _gone(self) -> None:
        self._cancel_check()
        for after in (self._look_after, self._note_after):
            if after:
                self.window.after_cancel(after)
        self._on_close()

    # -- other programs ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._look_now()
        self._look_after = self.window.after(LOOK_MS, self._look)

    def _look_now(self) -> None:
        """Notice that another program has written or removed the file."""
        stamp = _stamp_of(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            content = self._library.text(self._entry)
        except WorkflowError:
            self.question.ask(
                "The file is gone or cannot be read; Save writes it again.", [("Close", self.window.destroy)]
            )
            self._baseline = None
            self._show_save()
            return
        if content == self._on_disk:
            return
        if not self.is_changed:
            self._load(content)
            self._note("Read again: another program has changed the file")
            return
        answers = [
            ("Keep mine", lambda: self._keep(content)),
            ("Read the file", lambda: self._take(content)),
        ]
        self.question.ask("Another program has changed this file; reading it loses your changes.", answers)

    def _keep(self, content: str) -> None:
        self._on_disk, self._baseline = content, None
        self._show_save()
        self._keep_editing()

    def _take(self, content: str) -> None:
        self._load(content)
        self._keep_editing()

    # -- the foot ------------------------------------------------------------------------------------------------------

    def _show_verdict(self, workflow: Workflow | None) -> None:
        if workflow is None:
            self._say(str(self.fault), "ink:fail", "x-octagon-fill")
            self._go.pack(side="right") if self.fault and self.fault.line else self._go.pack_forget()
            return
        if self.unknown:
            self._say(self.unknown[1], "ink:stop", "exclamation-triangle-fill")
            self._go.pack(side="right")
            return
        self._go.pack_forget()
        self._say(_plan_words(workflow), "text2", "check-lg")

    def _note(self, words: str) -> None:
        """Stand beside the verdict for a moment."""
        workflow_words = str(self._verdict.cget("text")).strip()
        self._say(f"{words}  ·  {workflow_words}" if self.fault is None else words, "ink:done", "check-lg")
        if self._note_after:
            self.window.after_cancel(self._note_after)
        self._note_after = self.window.after(NOTE_MS, self._end_note)

    def _end_note(self) -> None:
        self._note_after = ""
        self.check()

    def _say(self, sentence: str, color: str, icon: str) -> None:
        self._kit.set_label(self._verdict, text=sentence, color=color, icon=icon)

    def _go_to_fault(self) -> None:
        if self.fault and self.fault.line:
            self.pane.go_to(self.fault.line)
        elif self.unknown:
            self.pane.go_to(self.unknown[0])

    def _cancel_check(self) -> None:
        if self._check_after:
            self.window.after_cancel(self._check_after)
            self._check_after = ""


def _plan_words(workflow: Workflow) -> str:
    """`4 agents · 8 calls in 3 rounds`."""
    agents = len(workflow.members())
    return f"{agents} agent{'' if agents == 1 else 's'}  ·  {describe(schedule(workflow))}"


def _stamp_of(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
