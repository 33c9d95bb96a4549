"""What does a solid cost in a given material, and does its size look like a mistake?"""

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

from django.conf import settings

from events.flags import Flag, FlagCode
from events.model_files import ModelKind
from events.vocabulary import Material
from mes.geometry.answers import Solid, Unpriceable

_MILLI = Decimal("0.001")
_CENT = Decimal("0.01")
# What the price column, numeric(12, 2), can hold.
_MOST = Decimal("9999999999.99")

_SMALLEST_MM = 3
_LARGEST_MM = 300
_HEAVIEST_G = 2000
# Their numbers are millimetres by convention only; 3MF names its unit, glTF is in metres.
_WITHOUT_UNIT = {ModelKind.STL, ModelKind.OBJ, ModelKind.PLY}


class Terms(Protocol):
    """What a price is computed from; a ``Tariff`` row is one."""

    density_g_cm3: Decimal
    price_per_gram: Decimal
    making_fee: Decimal
    making_per_gram: Decimal


@dataclass
class DefaultTariff:
    """The terms a material starts with, until somebody edits them in the admin. Money in euros."""

    material: Material
    density_g_cm3: Decimal
    price_per_gram: Decimal
    making_fee: Decimal
    making_per_gram: Decimal
    lead_days: int


def _default(material: Material, density: str, metal: str, fee: str, making: str, days: int) -> DefaultTariff:
    return DefaultTariff(material, Decimal(density), Decimal(metal), Decimal(fee), Decimal(making), days)


#: Densities: sterling silver and platinum with 5% ruthenium by the rule of mixtures from the pure metals
#: (Ag 10.49, Cu 8.96; Pt 21.45, Ru 12.37); yellow gold and brass rounded from Stuller's table of specific
#: gravities (14 k 13.07, 18 k 15.58, brass 8.40). A plant enters those of its own alloys in the admin.
DEFAULT_TARIFFS = (
    _default(Material.SILVER_925, "10.360", "1.90", "18.00", "3.20", 10),
    _default(Material.GOLD_585, "13.100", "72.00", "35.00", "8.50", 14),
    _default(Material.GOLD_750, "15.500", "93.00", "40.00", "9.00", 14),
    _default(Material.PLATINUM_950, "20.700", "54.00", "60.00", "14.00", 21),
    _default(Material.BRASS, "8.500", "0.20", "12.00", "1.20", 7),
)


@dataclass(frozen=True)
class Breakdown:
    """How a price came about: volume and mass of **one** piece, costs of **all** pieces together."""

    volume_mm3: Decimal
    mass_g: Decimal
    material_cost: Decimal
    making_cost: Decimal

    def to_json(self) -> dict[str, str]:
        """The breakdown as the API and the events carry it: decimal strings, never floats."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Quote:
    """A price for the whole order, its currency (ISO 4217) and how it came about."""

    price: Decimal
    currency: str
    breakdown: Breakdown


def quote(volume_mm3: float | Decimal, quantity: int, terms: Terms) -> Quote:
    """The price of ``quantity`` pieces of ``volume_mm3`` each.

    Every figure is computed from the rounded ones shown before it (halves up), so a client can check a price
    with pencil and paper: mass = volume x density; material = mass x price per gram x quantity; making =
    (fee + mass x making per gram) x quantity, since each piece is cast and finished by itself; and the price
    is exactly their sum. Raises ``Unpriceable`` when it is beyond what an order can cost, or when there is no
    mass to speak of: that is a file in another unit, and half a milligram of gold is nobody's order.
    """
    volume = _rounded(Decimal(volume_mm3), _MILLI)
    mass = _rounded(volume * terms.density_g_cm3 / 1000, _MILLI)
    if not mass:
        raise Unpriceable(
            "The model would weigh less than a milligram: is the file in metres or inches? "
            "Export it in millimetres and send it again."
        )
    material_cost = _rounded(mass * terms.price_per_gram * quantity, _CENT)
    making_cost = _rounded((terms.making_fee + mass * terms.making_per_gram) * quantity, _CENT)
    price = material_cost + making_cost
    if price > _MOST:
        raise _too_large()
    return Quote(price, settings.CURRENCY, Breakdown(volume, mass, material_cost, making_cost))


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    # Beyond 10**20 nothing is makeable, and quantize() would run out of its 28 digits.
    if not value < Decimal(10) ** 20:
        raise _too_large()
    return value.quantize(unit, rounding=ROUND_HALF_UP)


def _too_large() -> Unpriceable:
    return Unpriceable("The model is too large to make. Check the unit it was exported in.")


def flags_of(solid: Solid, quoted: Quote, kind: ModelKind) -> list[Flag]:
    """What the client should know or answer: a size that looks like a mistake of units, bodies that overlap.

    None of it stops an order: only the client knows how large the piece was meant to be.
    """
    flags = _size_flags(max(solid.extents_mm), quoted.breakdown.mass_g)
    if flags and kind in _WITHOUT_UNIT:
        flags.append(
            Flag(FlagCode.UNIT_GUESSED, f"The {kind.upper()} file says no unit: millimetres were taken.")
        )
    if solid.is_overlapping:
        flags.append(Flag(FlagCode.OVERLAPPING_BODIES, "Bodies overlap: what they share is counted once."))
    if solid.is_sum:
        detail = "Bodies may overlap, and could not be united: their volumes were added up."
        flags.append(Flag(FlagCode.SUM_OF_BODIES, detail))
    return flags


def _size_flags(across_mm: float, mass_g: Decimal) -> list[Flag]:
    if across_mm < _SMALLEST_MM:
        detail = f"Only {across_mm:.3g} mm across: was the file meant in inches, centimetres or metres?"
        return [Flag(FlagCode.TINY, detail)]
    if across_mm > _LARGEST_MM:
        detail = f"{_plain(across_mm)} mm across: was the file meant in a smaller unit?"
        return [Flag(FlagCode.HUGE, detail)]
    if mass_g > _HEAVIEST_G:
        detail = f"Each piece would weigh {_plain(mass_g / 1000)} kg: is the size right?"
        return [Flag(FlagCode.HUGE, detail)]
    return []


def _plain(number: Any) -> str:
    """About three digits, without an exponent: 8000, 412, 2.35."""
    return f"{float(f'{number:.3g}'):,.10g}"
