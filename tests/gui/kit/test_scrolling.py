import tkinter as tk

from felix.gui.kit import Kit, ScrolledFrame


def rows(kit: Kit, window, count: int = 40) -> ScrolledFrame:
    scrolled = kit.scrolled_frame(window)
    scrolled.frame.pack(fill="both", expand=True)
    for number in range(count):
        kit.button(scrolled.body, f"Row {number}").pack(anchor="w")
    window.update()
    return scrolled


def test_the_wheel_scrolls_over_a_child_too(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    scrolled.body.winfo_children()[3].event_generate("<Button-5>")
    update()
    assert scrolled.canvas.canvasy(0) > 0
    for _ in range(5):
        scrolled.body.winfo_children()[3].event_generate("<Button-4>")
    update()
    assert scrolled.canvas.canvasy(0) == 0


def test_what_gets_the_keyboard_is_shown(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    last = scrolled.body.winfo_children()[-1]
    last.focus_force()
    update()
    assert last.winfo_rooty() + last.winfo_height() <= scrolled.canvas.winfo_rooty() + scrolled.canvas.winfo_height()
    first = scrolled.body.winfo_children()[0]
    first.focus_force()
    update()
    assert first.winfo_rooty() >= scrolled.canvas.winfo_rooty()


def test_what_is_looked_at_stays_where_it_is_when_something_above_it_grows(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    children = scrolled.body.winfo_children()
    scrolled.see(children[30])
    update()
    before = children[30].winfo_rooty()
    kit.button(scrolled.body, "another").pack(anchor="w", before=children[0])
    update()
    assert children[30].winfo_rooty() == before
    children[1].pack_forget()
    children[2].pack_forget()
    update()
    assert children[30].winfo_rooty() == before


def test_what_is_in_view_gets_the_keyboard_without_a_move(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    card = kit.frame(scrolled.body, "card")  # as high as the view, so that its own top is out of it
    card.pack(fill="x")
    for number in range(40):
        kit.button(card, f"In the card {number}").pack(anchor="w")
    update()
    inside = card.winfo_children()
    scrolled.body.winfo_children()[0].focus_force()
    update()
    scrolled.see(inside[30])
    update()
    before = scrolled.canvas.canvasy(0)
    inside[29].focus_force()
    update()
    assert scrolled.canvas.canvasy(0) == before


def test_closing_a_menu_does_not_scroll_to_what_had_the_keyboard(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    first = scrolled.body.winfo_children()[0]
    first.focus_force()
    update()
    scrolled.scroll(400)
    update()
    before = scrolled.canvas.canvasy(0)
    assert before > 0
    menu = tk.Menu(scrolled.body, tearoff=False)
    menu.focus_force()
    update()
    first.focus_force()
    update()
    assert scrolled.canvas.canvasy(0) == before
    menu.destroy()


def test_the_bar_is_idle_and_the_wheel_does_nothing_when_all_fits(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window, 3)
    assert scrolled.fits
    assert scrolled.bar.instate(["disabled"])
    scrolled.body.winfo_children()[0].event_generate("<Button-5>")
    update()
    assert scrolled.canvas.canvasy(0) == 0


def test_a_text_inside_scrolls_itself_first(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    text = kit.text(scrolled.body, height=3)
    text.insert("end", "line\n" * 50)
    text.pack(before=scrolled.body.winfo_children()[0])
    update()
    text.event_generate("<Button-5>")
    update()
    assert text.yview()[0] > 0
    assert scrolled.canvas.canvasy(0) == 0


def test_the_thumb_is_dragged(kit: Kit, window, update) -> None:
    scrolled = rows(kit, window)
    bar = scrolled.bar
    bar.event_generate("<Button-1>", x=5, y=5)
    bar.event_generate("<B1-Motion>", x=5, y=bar.winfo_height() - 2)
    bar.event_generate("<ButtonRelease-1>", x=5, y=bar.winfo_height() - 2)
    update()
    assert scrolled.canvas.yview()[1] == 1.0
