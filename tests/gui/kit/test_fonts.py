import tkinter as tk
from pathlib import Path
from tkinter import font as tkfont

from felix import places
from felix.gui.kit import FONTS, Kit, load_fonts


def test_the_shipped_inter_is_used_and_in_its_regular_weight(kit: Kit, app: tk.Tk) -> None:
    assert kit.font("Base").actual("family") == "Inter"
    words = "The weight of this line"
    regular = kit.font("Base").measure(words)
    assert regular < kit.font("Strong").measure(words)
    medium = tkfont.Font(app, family="Inter Medium", size=10)
    assert medium.actual("family") != "Inter Medium"


def test_no_medium_is_shipped_and_the_licence_is() -> None:
    folder = places.assets() / "fonts"
    assert {path.stem for path in folder.glob("*.otf")} == {
        "Inter-Regular",
        "Inter-SemiBold",
        "Inter-Bold",
        "Inter-Italic",
    }
    assert "SIL OPEN FONT LICENSE" in (folder / "LICENSE.txt").read_text()


def test_a_folder_without_fonts_is_no_error(tmp_path: Path) -> None:
    assert load_fonts(tmp_path / "missing") is False


def test_scaling_reaches_every_font_and_text_on_screen(kit: Kit, window: tk.Toplevel, update) -> None:
    label = kit.label(window, "Some words", "Small")
    label.pack()
    update()
    before = label.winfo_width(), {name: kit.font(name).metrics("linespace") for name in FONTS}
    kit.scale_fonts(150)
    update()
    assert label.winfo_width() > before[0] * 1.3
    for name, line in before[1].items():
        assert kit.font(name).metrics("linespace") > line, name


def test_scaling_stops_at_its_limits(kit: Kit) -> None:
    kit.scale_fonts(1000)
    assert kit.font_percent == 200
    kit.scale_fonts(1)
    assert kit.font_percent == 70


def test_code_is_no_higher_than_a_line_of_text(kit: Kit) -> None:
    assert kit.font("Mono").metrics("linespace") <= kit.font("Base").metrics("linespace")
