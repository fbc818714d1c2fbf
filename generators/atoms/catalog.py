"""All families: the modules of this folder, listed once."""

from functools import cache

from catena.generators.atoms import (
    algebra,
    algorithms,
    arithmetic,
    calculus,
    combinatorics,
    corpora,
    data_and_machines,
    earth_science,
    ecology_physiology,
    electricity_heat,
    finance,
    forces_and_fluids,
    genetics,
    geometry,
    linguistics,
    macroeconomics,
    markets,
    mechanics,
    microbiology,
    networks,
    number_theory,
    physical_chemistry,
    solutions_and_gases,
    statistics,
    stoichiometry,
    symbolic,
    weather_and_water,
)
from catena.generators.atoms.family import Family

MODULES = (
    algebra,
    algorithms,
    arithmetic,
    calculus,
    combinatorics,
    corpora,
    data_and_machines,
    earth_science,
    ecology_physiology,
    electricity_heat,
    finance,
    forces_and_fluids,
    genetics,
    geometry,
    linguistics,
    macroeconomics,
    markets,
    mechanics,
    microbiology,
    networks,
    number_theory,
    physical_chemistry,
    solutions_and_gases,
    statistics,
    stoichiometry,
    symbolic,
    weather_and_water,
)


@cache
def families() -> dict[str, Family]:
    """Every family by its name, in a stable order."""
    return {family.name: family for module in MODULES for family in module.FAMILIES}
