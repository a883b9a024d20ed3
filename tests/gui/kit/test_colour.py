import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.gui.kit.colour import contrast, mix

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS, COLOURS)
def test_mixing_none_or_all_gives_one_of_the_two(a: str, b: str) -> None:
    assert mix(a, b, 0) == a
    assert mix(a, b, 1) == b


@given(COLOURS, COLOURS)
def test_contrast_does_not_depend_on_which_is_the_text(a: str, b: str) -> None:
    assert contrast(a, b) == contrast(b, a)
    assert 1 <= contrast(a, b) <= 21.01


def test_contrast_has_the_values_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
