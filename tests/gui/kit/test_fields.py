import tkinter as tk

import pytest

from felix.gui.kit import Kit, Option

OPTIONS = [Option("agents", icon="grid-3x2-gap", tooltip="Agents"), Option("both", "Both"), Option("answer", "Answer")]


def test_a_placeholder_is_never_part_of_the_text(kit: Kit, window, update) -> None:
    entry = kit.entry(window, placeholder="Search runs", icon="search")
    entry.pack()
    update()
    hint = entry.winfo_children()[0]
    assert entry.get() == ""
    assert hint.winfo_ismapped()
    entry.insert(0, "x")
    update()
    assert not hint.winfo_ismapped()
    entry.delete(0, "end")
    update()
    assert hint.winfo_ismapped()


def test_a_bad_entry_is_marked_until_it_is_good(kit: Kit, window) -> None:
    entry = kit.entry(window)
    kit.set_bad(entry, True)
    assert entry.instate(["invalid"])
    kit.set_bad(entry, False)
    assert entry.instate(["!invalid"])


def test_a_toggle_turns_by_space_and_follows_its_variable(kit: Kit, window, update) -> None:
    heard: list[bool] = []
    variable = tk.BooleanVar(window, value=False)
    toggle = kit.toggle(window, variable, lambda: heard.append(variable.get()))
    toggle.pack()
    update()
    toggle.focus_force()
    update()
    assert toggle.instate(["user1"])
    toggle.event_generate("<space>")
    update()
    assert heard == [True]
    assert toggle.instate(["selected", "user1"])
    variable.set(False)
    assert toggle.instate(["!selected"])
    assert heard == [True]


def test_a_slider_moves_by_key_and_pointer_within_its_bounds(kit: Kit, window, update) -> None:
    heard: list[float] = []
    slider = kit.slider(window, 0, 2000, 100, heard.append, step=50)
    slider.widget.pack()
    update()
    slider.widget.focus_force()
    update()
    slider.widget.event_generate("<Right>")
    slider.widget.event_generate("<Next>")
    slider.widget.event_generate("<Home>")
    assert heard == [150, 0]
    slider.widget.event_generate("<Button-1>", x=slider.widget.winfo_width() - 1, y=5)
    assert slider.value == 2000
    slider.set(9999)
    assert slider.value == 2000
    assert heard == [150, 0, 2000]


def test_a_segmented_control_is_one_tab_stop_moved_by_arrows(kit: Kit, window, update) -> None:
    heard: list[str] = []
    control = kit.segmented(window, OPTIONS, "agents", heard.append)
    control.frame.pack()
    update()
    buttons = control.frame.winfo_children()
    assert [str(button.cget("takefocus")) for button in buttons] == ["1", "0", "0"]
    buttons[0].focus_force()
    update()
    buttons[0].event_generate("<Right>")
    update()
    assert heard == ["both"]
    assert window.focus_get() is buttons[1]
    buttons[1].event_generate("<Right>")
    update()
    buttons[2].event_generate("<Right>")
    assert heard == ["both", "answer"]
    control.set("agents")
    assert heard == ["both", "answer"]
    assert buttons[0].instate(["selected"])
    with pytest.raises(ValueError, match="tooltip"):
        kit.segmented(window, [Option("x", icon="copy")], "x", heard.append)
