"""Are the demo's models small, the same each time, of every kind, and solid but for one?"""

import io

import pytest

from config.demo_models import demo_models
from events.model_files import ModelKind, sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here

MODELS = demo_models()


def test_the_models_are_the_same_each_time() -> None:
    assert demo_models() == MODELS


def test_there_is_one_of_every_kind_and_none_is_large() -> None:
    assert {sniff(io.BytesIO(data)) for _, data in MODELS} == set(ModelKind)
    assert max(len(data) for _, data in MODELS) < 100_000


@pytest.mark.parametrize(("name", "data"), MODELS[:-1])
def test_a_model_of_the_demo_can_be_worn(name: str, data: bytes) -> None:
    solid = measure_here(data, sniff(io.BytesIO(data)))

    assert 3 < max(solid.extents_mm) < 100
    assert 20 < solid.volume_mm3 < 5000
    assert solid.bodies == (2 if name.startswith("pair") else 1)


def test_the_last_model_has_a_hole() -> None:
    with pytest.raises(Unpriceable, match="holes"):
        measure_here(MODELS[-1][1], ModelKind.STL)
