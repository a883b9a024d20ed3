import tkinter as tk

import pytest

from felix.gui.kit import Kit
from felix.gui.kit.colour import contrast


@pytest.mark.parametrize("key", ["<space>", "<Return>", "<KP_Enter>"])
def test_a_button_is_pressed_by_key(kit: Kit, window, update, key: str) -> None:
    pressed: list[str] = []
    button = kit.button(window, "Run", command=lambda: pressed.append("run"))
    button.pack()
    update()
    button.focus_force()
    update()
    button.event_generate(key)
    update()
    assert pressed == ["run"]


def test_a_disabled_button_does_nothing(kit: Kit, window, update) -> None:
    pressed: list[str] = []
    button = kit.button(window, "Run", command=lambda: pressed.append("run"))
    button.pack()
    button.state(["disabled"])
    button.focus_force()
    update()
    button.event_generate("<space>")
    assert not pressed


def test_the_ring_shows_for_the_keyboard_and_not_for_a_click(kit: Kit, window, update) -> None:
    first, second = (kit.button(window, word) for word in ("One", "Two"))
    first.pack()
    second.pack()
    update()
    first.focus_force()
    update()
    assert first.instate(["user1"])
    second.event_generate("<Enter>")
    second.event_generate("<Button-1>", x=4, y=4)
    update()
    assert second.instate(["focus", "!user1"])
    assert first.instate(["!user1"])
    second.event_generate("<ButtonRelease-1>", x=4, y=4)


def test_a_button_without_words_needs_a_tooltip(kit: Kit, window) -> None:
    with pytest.raises(ValueError, match="tooltip"):
        kit.button(window, icon="copy")
    with pytest.raises(ValueError, match="tooltip"):
        kit.menu_button(window, icon="copy")


def test_a_button_can_change_its_words_and_kind(kit: Kit, window) -> None:
    button = kit.button(window, "Run", "play-fill", "primary")
    kit.set_button(button, text="Stop", icon="stop-fill", kind="outline")
    assert button.cget("text") == "Stop"
    assert kit.icon("stop-fill", 13, "text") in map(str, button.cget("image"))
    kit.set_button(button, icon="")
    assert not button.cget("image")


def test_a_menu_follows_the_theme(kit: Kit, window) -> None:
    button = kit.menu_button(window, "Workflow")
    button.menu.add_command(label="One")
    for mode in ("light", "dark"):
        kit.set_theme(mode)
        button.menu.post(0, 0)  # the library paints what comes into view
        window.update()
        button.menu.unpost()
        assert str(button.menu.cget("background")) == kit["card"]
        assert str(button.menu.cget("foreground")) == kit["text"]
        heading = str(button.menu.cget("disabledforeground"))
        assert contrast(heading, kit["card"]) >= 4.5, "headings of a menu are disabled lines, and read"


def test_a_tooltip_shows_after_a_while_and_goes_with_the_pointer(kit: Kit, window, wait_until) -> None:
    button = kit.button(window, icon="copy", tooltip="Copy the answer")
    button.pack()
    window.update()

    def shown() -> list[str]:
        return [
            str(label.cget("text"))
            for tip in window.master.winfo_children()
            if isinstance(tip, tk.Toplevel) and tip.wm_overrideredirect() and tip.winfo_viewable()
            for frame in tip.winfo_children()
            for label in frame.winfo_children()
        ]

    button.event_generate("<Enter>")
    assert not shown()
    wait_until(shown)
    assert shown() == ["Copy the answer"]
    button.event_generate("<Leave>")
    window.update()
    assert not shown()
