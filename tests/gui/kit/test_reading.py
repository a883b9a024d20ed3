import tkinter as tk

from felix.gui.kit import Kit


def filled(kit: Kit, window: tk.Misc, **options) -> tk.Text:
    text = kit.text(window, height=5, width=30, **options)
    text.insert("end", "\n".join(f"line {n}" for n in range(50)))
    text.pack()
    window.update()
    text.focus_force()
    window.update()
    return text


def test_nothing_typed_pasted_or_deleted_changes_a_text_for_reading(kit: Kit, window, update) -> None:
    text = filled(kit, window)
    before = text.get("1.0", "end")
    window.clipboard_clear()
    window.clipboard_append("pasted")
    for event in (
        "x",
        "<Return>",
        "<BackSpace>",
        "<Delete>",
        "<<Paste>>",
        "<<Cut>>",
        "<Control-k>",
        "<ButtonRelease-2>",
    ):
        text.event_generate(event)
    update()
    assert text.get("1.0", "end") == before
    assert text.cget("state") == "normal"


def test_a_text_for_reading_is_selected_and_copied_by_keyboard(kit: Kit, window, update) -> None:
    text = filled(kit, window)
    text.event_generate("<Control-a>")
    text.event_generate("<<Copy>>")
    update()
    assert window.clipboard_get().startswith("line 0\nline 1")


def test_the_keys_scroll_a_text_for_reading(kit: Kit, window, update) -> None:
    text = filled(kit, window)
    text.event_generate("<End>")
    update()
    assert text.yview()[1] == 1.0
    text.event_generate("<Up>")
    update()
    assert text.yview()[1] < 1.0
    text.event_generate("<Home>")
    update()
    assert text.yview()[0] == 0.0


def test_shortcuts_of_the_window_reach_it_from_a_text(kit: Kit, window, update) -> None:
    heard: list[str] = []
    window.bind("<Control-Key-1>", lambda _event: heard.append("1"))
    text = filled(kit, window)
    text.event_generate("<Control-Key-1>")
    update()
    assert heard == ["1"]


def test_an_editable_text_takes_what_is_typed(kit: Kit, window, update) -> None:
    text = filled(kit, window, editable=True)
    text.mark_set("insert", "1.0")
    text.event_generate("x")
    update()
    assert text.get("1.0", "1.1") == "x"


def test_a_heading_in_a_card_is_as_high_as_a_line(kit: Kit, window, update) -> None:
    text = kit.text(window, height=10, width=30)
    text.insert("end", "Heading", "h2")
    text.insert("end", "\nline\nline")
    text.pack()
    update()
    assert text.dlineinfo("1.0")[3] == text.dlineinfo("2.0")[3]
