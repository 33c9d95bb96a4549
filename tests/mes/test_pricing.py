"""Is a price what pencil and paper say, to the cent, and does an odd size get a word of warning?"""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.model_files import ModelKind
from events.vocabulary import Material
from mes.geometry.answers import Solid, Unpriceable
from mes.models import Tariff
from mes.pricing import DEFAULT_TARIFFS, Breakdown, flags_of, quote

SILVER, GOLD_585, GOLD_750, PLATINUM, BRASS = DEFAULT_TARIFFS


@dataclass
class Terms:
    density_g_cm3: Decimal = Decimal(10)
    price_per_gram: Decimal = Decimal(2)
    making_fee: Decimal = Decimal(5)
    making_per_gram: Decimal = Decimal(1)


def test_a_silver_cube_of_one_cubic_centimetre() -> None:
    # 1 cm3 x 10.36 g; 10.36 x 1.90 = 19.684; 18 + 10.36 x 3.20 = 51.152
    quoted = quote(1000, 1, SILVER)

    assert quoted.breakdown == Breakdown(
        Decimal("1000.000"), Decimal("10.360"), Decimal("19.68"), Decimal("51.15")
    )
    assert quoted.price == Decimal("70.83")
    assert quoted.currency == "EUR"


def test_three_platinum_pieces_cost_three_times_metal_fee_and_work() -> None:
    # 0.34772 cm3 x 20.7 = 7.198 g; 7.198 x 54 x 3 = 1166.076; (60 + 7.198 x 14) x 3 = 482.316
    quoted = quote(347.7217787, 3, PLATINUM)

    assert quoted.breakdown == Breakdown(
        Decimal("347.722"), Decimal("7.198"), Decimal("1166.08"), Decimal("482.32")
    )
    assert quoted.price == Decimal("1648.40")


def test_the_breakdown_travels_as_decimal_strings() -> None:
    assert quote(1000, 2, BRASS).breakdown.to_json() == {
        "volume_mm3": "1000.000",
        "mass_g": "8.500",
        "material_cost": "3.40",
        "making_cost": "44.40",
    }


def test_halves_are_rounded_up() -> None:
    heavy = Terms(density_g_cm3=Decimal(999))
    assert quote(Decimal("0.0005"), 1, heavy).breakdown.volume_mm3 == Decimal("0.001")
    # 0.25 mm3 x 2 g/cm3 = 0.0005 g
    assert quote(Decimal("0.25"), 1, Terms(density_g_cm3=Decimal(2))).breakdown.mass_g == Decimal("0.001")
    # 0.5 g x 0.01 = 0.005
    assert quote(50, 1, Terms(price_per_gram=Decimal("0.01"))).breakdown.material_cost == Decimal("0.01")


@given(
    volume=st.decimals("0.1", "1e6", places=4),
    quantity=st.integers(1, 1000),
    terms=st.sampled_from(DEFAULT_TARIFFS),
)
def test_the_price_is_exactly_the_sum_of_what_is_shown(volume: Decimal, quantity: int, terms: Terms) -> None:
    quoted = quote(volume, quantity, terms)

    assert quoted.price == quoted.breakdown.material_cost + quoted.breakdown.making_cost
    assert quoted.price == quoted.price.quantize(Decimal("0.01"))
    assert quoted.price >= terms.making_fee * quantity


@pytest.mark.parametrize("volume", [8e9, 1e18, Decimal("1e30")])
def test_what_no_price_column_can_hold_is_too_large_to_make(volume: float | Decimal) -> None:
    with pytest.raises(Unpriceable, match="too large to make"):
        quote(volume, 1000, GOLD_750)


@given(volume=st.floats(0, 1e18), quantity=st.integers(1, 1000))
@settings(max_examples=200)
def test_any_volume_is_priced_within_the_column_or_refused(volume: float, quantity: int) -> None:
    dear = Terms(Decimal("999.999"), Decimal("99999999.99"), Decimal("99999999.99"), Decimal("99999999.99"))
    try:
        price = quote(volume, quantity, dear).price
    except Unpriceable:
        return
    assert price < 10**10


@pytest.mark.django_db
def test_every_material_has_a_tariff_from_the_first_migration_on() -> None:
    assert set(Tariff.objects.values_list("material", flat=True)) == set(Material.values)
    assert quote(1000, 1, Tariff.objects.get(material=Material.SILVER_925)).price == Decimal("70.83")


INCHES = "was the file meant in inches, centimetres or metres?"
SMALLER = "was the file meant in a smaller unit?"


@pytest.mark.parametrize(
    ("extents", "volume", "code", "detail"),
    [
        ((21.4, 21.4, 2.4), 260, None, ""),
        ((3.0, 3.0, 3.0), 27, None, ""),
        ((300.0, 2.0, 2.0), 900, None, ""),
        ((1.3, 1.2, 0.2), 0.3, "tiny", f"Only 1.3 mm across: {INCHES}"),
        ((0.514, 0.3, 0.3), 0.05, "tiny", f"Only 0.514 mm across: {INCHES}"),
        ((543.56, 20.0, 20.0), 900, "huge", f"544 mm across: {SMALLER}"),
        ((2000.0, 2000.0, 2000.0), 8e9, "huge", f"2,000 mm across: {SMALLER}"),
        ((80.0, 80.0, 80.0), 512_000, "huge", "Each piece would weigh 5.3 kg: is the size right?"),
    ],
)
def test_an_odd_size_is_flagged_and_that_the_unit_was_a_guess(
    extents: tuple[float, float, float], volume: float, code: str | None, detail: str
) -> None:
    solid, quoted = Solid(volume, extents, 1), quote(volume, 1, SILVER)
    without_unit = [flag.to_json() for flag in flags_of(solid, quoted, ModelKind.OBJ)]
    guessed = {"code": "unit_guessed", "detail": "The OBJ file says no unit: millimetres were taken."}
    assert without_unit == ([{"code": code, "detail": detail}, guessed] if code else [])
    assert [flag.code for flag in flags_of(solid, quoted, ModelKind.GLB)] == ([code] if code else [])


def test_bodies_that_overlap_and_those_that_could_not_be_united_are_flagged() -> None:
    quoted = quote(1000, 1, SILVER)
    overlapping = Solid(1000, (10, 10, 10), 1, is_overlapping=True)
    added_up = Solid(1000, (10, 10, 10), 2, is_sum=True)
    assert [flag.code for flag in flags_of(overlapping, quoted, ModelKind.GLB)] == ["overlapping_bodies"]
    assert [flag.code for flag in flags_of(added_up, quoted, ModelKind.GLB)] == ["sum_of_bodies"]


@pytest.mark.parametrize("volume", [0, 1e-6, 0.04])
def test_what_weighs_less_than_a_milligram_is_asked_about_and_not_priced(volume: float) -> None:
    with pytest.raises(Unpriceable, match="is the file in metres or inches"):
        quote(volume, 1, SILVER)
