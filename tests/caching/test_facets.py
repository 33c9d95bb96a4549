"""Does the text in the board's index sort as the numbers do, and does each filter find its rows there?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caching.facets import BOTTOM, LAST_POSITION, Facets, decode_position, encode_position

POSITIONS = st.integers(0, LAST_POSITION)


@given(POSITIONS, POSITIONS)
def test_positions_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    assert (encode_position(one) < encode_position(other)) == (one < other)
    assert encode_position(one).encode() >= BOTTOM.encode()


@given(POSITIONS)
def test_a_position_comes_back(position: int) -> None:
    assert decode_position(encode_position(position)) == position
    assert len(encode_position(position)) == 10


@pytest.mark.parametrize("position", [-1, LAST_POSITION + 1])
def test_a_position_that_has_no_place_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match=f"position out of range: {position}"):
        encode_position(position)


VALUES = {"status": [f"s{n}" for n in range(30)], "material": ["m0", "m1", "m2"], "size": ["l", "xl"]}
ROWS = st.fixed_dictionaries({facet: st.sampled_from(choices) for facet, choices in VALUES.items()})
FILTERS = st.fixed_dictionaries(
    {}, optional={facet: st.sampled_from(choices) for facet, choices in VALUES.items()}
)


@given(ROWS, FILTERS, st.booleans())
def test_a_row_stands_in_a_view_exactly_when_it_passes_its_filters(
    row: dict[str, str], filters: dict[str, str], droppable: bool
) -> None:
    facets = Facets(VALUES)
    joined = facets.views(row, droppable)
    views = {joined[at : at + facets.width] for at in range(0, len(joined), facets.width)}
    passes = all(row[facet] == value for facet, value in filters.items())
    assert (facets.view(filters) in views) == passes
    assert ("!" * facets.width in views) == droppable
    assert len(views) == 8 + droppable


@given(FILTERS, FILTERS)
def test_different_filters_are_different_views(one: dict[str, str], other: dict[str, str]) -> None:
    facets = Facets(VALUES)
    assert (facets.view(one) == facets.view(other)) == (one == other)


def test_a_filter_by_a_value_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        Facets(VALUES).view({"status": "lost"})
