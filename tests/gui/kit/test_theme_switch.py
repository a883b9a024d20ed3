"""A live switch restyles what is on screen; nothing is rebuilt, and nothing stays behind when widgets go."""

import time
import tkinter as tk

import pytest
from PIL import Image

from felix.gui.kit import Kit, Option
from felix.gui.kit.colour import channels


def pixel(path, widget: tk.Misc, x: int, y: int) -> tuple[int, ...]:
    window = widget.winfo_toplevel()
    at = widget.winfo_rootx() - window.winfo_rootx() + x, widget.winfo_rooty() - window.winfo_rooty() + y
    with Image.open(path) as image:
        return image.convert("RGB").getpixel(at)


def card(kit: Kit, parent: tk.Misc, number: int = 1) -> tk.Misc:
    frame = kit.frame(parent, "card", padding=3, box="card")
    kit.label(frame, image=kit.avatar(f"R{number % 10}", "write"), on="card").pack()
    kit.label(frame, "research", "Strong", on="card", icon="cpu").pack()
    kit.badge(frame, "Writing", "write", "pencil-fill").pack()
    kit.rule(frame).pack(fill="x")
    kit.canvas(frame, "card", height=4).pack()
    text = kit.text(frame, height=2)
    text.insert("end", "words ", "dim")
    text.image_create("end", image=kit.citation_pill("research-1"))
    text.pack()
    button = kit.button(frame, icon="copy", on="card", tooltip="Copy")
    button.pack()
    kit.menu_button(frame, "Menu", on="card").pack()
    kit.entry(frame, "card", placeholder="Search", icon="search").pack()
    kit.toggle(frame).pack()
    kit.slider(frame, 0, 10, 5, lambda _value: None).widget.pack()
    kit.segmented(frame, [Option("a", "A"), Option("b", "B")], "a", lambda _value: None).frame.pack()
    scrolled = kit.scrolled_frame(frame, "card")
    kit.on_theme_change(lambda: None, owner=scrolled.frame)
    scrolled.frame.pack()
    return frame


def test_everything_on_screen_follows_the_theme(kit: Kit, window, screenshot, update) -> None:
    canvas = kit.canvas(window, "card", width=40, height=40)
    text = kit.text(window, width=20, height=2)
    frame = kit.frame(window, "card", box="card", width=60, height=60)
    badge = kit.badge(window, "Writing", "write", on="page")
    button = kit.button(window, "Run", kind="primary")
    for widget in (canvas, text, frame, badge, button):
        widget.pack(pady=5)
    frame.pack_propagate(False)
    for mode in ("light", "dark", "light"):
        kit.set_theme(mode)
        path = screenshot(f"kit-switch-{mode}")
        assert pixel(path, canvas, 20, 20) == channels(kit["card"])
        assert pixel(path, text, 5, 5) == channels(kit["card"])
        assert pixel(path, frame, 20, 20) == channels(kit["card"])
        assert pixel(path, badge, 10, 3) == channels(kit["tint:write"])
        assert pixel(path, button, 8, 4) == channels(kit["primary_fill"])
        assert str(text.tag_cget("dim", "foreground")) == kit["text2"]


def test_an_icon_is_repainted_in_its_place(kit: Kit, window) -> None:
    name = kit.icon("circle-fill", 16, "text")
    label = kit.label(window, image=name)
    label.pack()
    for mode in ("light", "dark"):
        kit.set_theme(mode)
        assert kit.icon("circle-fill", 16, "text") == name
        assert window.tk.call(name, "get", 8, 8) == channels(kit["text"])


def test_a_switch_rebuilds_no_widget(kit: Kit, window, update) -> None:
    card(kit, window).pack()
    update()
    before = window.tk.call("winfo", "children", window.winfo_children()[0])
    kit.set_theme("dark")
    update()
    assert window.tk.call("winfo", "children", window.winfo_children()[0]) == before


def test_a_switch_of_twenty_cards_is_quick(kit: Kit, window, update) -> None:
    for number in range(20):
        card(kit, window, number).grid(row=number // 5, column=number % 5)
    update()
    kit.set_theme("dark")
    update()
    start = time.process_time()
    kit.set_theme("light")
    assert time.process_time() - start < 0.15


def test_a_callback_ends_with_its_owner_or_its_subscription(kit: Kit, window) -> None:
    calls: list[str] = []
    owner = kit.frame(window)
    kit.on_theme_change(lambda: calls.append("owned"), owner=owner)
    unsubscribe = kit.on_theme_change(lambda: calls.append("free"))
    kit.set_theme("dark")
    assert sorted(calls) == ["free", "owned"]
    owner.destroy()
    unsubscribe()
    kit.set_theme("light")
    assert len(calls) == 2


@pytest.mark.parametrize("cards", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_cards_that_are_gone_leave_nothing_behind(kit: Kit, window, update, cards: int) -> None:
    def counts() -> dict[str, int]:
        update()
        call = window.tk.call
        return {
            "commands": len(window.tk.splitlist(call("info", "commands"))),
            "images": len(window.tk.splitlist(call("image", "names"))),
            "variables": len(window.tk.splitlist(call("info", "vars"))),
            "after": len(window.tk.splitlist(call("after", "info"))),
            "paints": len(kit._theme_paints) + len(kit._font_paints),
            "scrolled": len(kit._scrolled),
            "specs": len(kit._specs),
        }

    def round_of(number: int) -> None:
        for n in range(number):
            card(kit, window, n).pack()
        update()
        for child in window.winfo_children():
            child.destroy()

    def there_and_back() -> None:
        kit.set_theme("dark")
        kit.set_theme("light")

    round_of(10)
    there_and_back()  # each theme keeps the pictures it has once drawn
    before = counts()
    round_of(cards)
    there_and_back()
    assert counts() == before
