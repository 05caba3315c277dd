from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.cosines import invert, table, transform


@given(st.data(), st.integers(1, 6), st.integers(1, 6))
def test_all_waves_give_the_channel_back(data, width, height):
    channel = data.draw(st.lists(st.floats(-1, 1), min_size=width * height, max_size=width * height))
    across, down = table(width, width, 0.5), table(height, height, 0.5)
    found = transform(channel, across, down)
    # a wave, unlike the mean, has half the energy of its height, in each direction
    doubled = [
        [value * (2 if x else 1) * (2 if y else 1) for x, value in enumerate(row)]
        for y, row in enumerate(found)
    ]
    assert invert(doubled, across, down) == pytest.approx(channel, abs=1e-9)
