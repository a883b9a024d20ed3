"""The helix is the original's, and its shape is what the picture promises: narrower and lower all the way down."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.team.helix import Helix

places = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("t", "radius", "z", "turns"), [(0, 3.0, 8.0, 0), (0.25, 1.9168, 6.0, 0.5), (0.5, 1.2247, 4.0, 1), (1, 0.5, 0.0, 2)]
)
def test_the_default_helix_has_the_figures_of_the_original(t: float, radius: float, z: float, turns: float) -> None:
    helix = Helix()
    assert helix.radius(t) == pytest.approx(radius, abs=1e-4)
    assert helix.z(t) == pytest.approx(z)
    assert helix.angle(t) == pytest.approx(2 * math.pi * turns)


@given(places)
def test_every_position_lies_at_its_radius_and_angle(t: float) -> None:
    helix = Helix(top=5, bottom=1, height=3, turns=1.5)
    x, y, z = helix.position(t)
    assert math.hypot(x, y) == pytest.approx(helix.radius(t))
    assert math.isclose(math.cos(math.atan2(y, x) - helix.angle(t)), 1, abs_tol=1e-9)
    assert z == helix.z(t)


@given(places, places)
def test_deeper_is_never_wider_nor_higher(one: float, other: float) -> None:
    upper, lower = sorted((one, other))
    helix = Helix()
    assert helix.radius(lower) <= helix.radius(upper)
    assert helix.z(lower) <= helix.z(upper)
    assert helix.angle(lower) >= helix.angle(upper)


@pytest.mark.parametrize("t", [-0.001, 1.001, math.nan, math.inf])
def test_a_place_outside_the_helix_is_an_error(t: float) -> None:
    for measure in (Helix().position, Helix().radius, Helix().angle, Helix().z):
        with pytest.raises(ValueError, match="between 0 and 1"):
            measure(t)


@pytest.mark.parametrize(
    "measures",
    [{"top": 0.5}, {"bottom": 0.0}, {"height": 0.0}, {"turns": -1.0}, {"top": math.inf}, {"turns": math.nan}],
)
def test_a_shape_that_is_no_funnel_is_an_error(measures: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="helix"):
        Helix(**measures)
