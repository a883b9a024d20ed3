import tkinter as tk

import pytest
from PIL import Image

from felix import places
from felix.gui.kit import Kit, drawing
from felix.gui.kit.images import ImageStore


def test_a_full_store_drops_only_what_nothing_shows(app: tk.Tk, window) -> None:
    store = ImageStore(app, limit=10)
    shown = store.get("shown", lambda: Image.new("RGB", (4, 4)))
    label = tk.Label(window, image=shown)
    for number in range(50):
        store.get(number, lambda: Image.new("RGB", (4, 4)))
    assert len(store) <= 10
    assert store.get("shown", lambda: pytest.fail("it was dropped while on screen")) == shown
    label.destroy()


def test_one_recipe_is_one_image(kit: Kit) -> None:
    assert kit.avatar("R1", "write") == kit.avatar("R1", "write")
    assert kit.avatar("R1", "write") != kit.avatar("R1", "done")
    assert kit.icon("cpu", 12) != kit.icon("cpu", 14)


def test_an_unknown_icon_is_refused(kit: Kit) -> None:
    with pytest.raises(ValueError, match="no-such-icon"):
        kit.icon("no-such-icon")


def test_the_icon_files_show_the_mark_of_the_header() -> None:
    with Image.open(places.assets() / "icons" / "felix.png") as image:
        assert image.size == (256, 256)
        assert image.convert("RGBA").tobytes() == drawing.app_icon(256).tobytes()
    with Image.open(places.assets() / "icons" / "felix.ico") as image:
        assert {(16, 16), (32, 32), (48, 48), (256, 256)} <= image.info["sizes"]
