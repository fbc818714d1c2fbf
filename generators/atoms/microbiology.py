"""Bacteria in culture and cells under the microscope (biology / microbiology, cell biology)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _growth_steps(start: int, minutes: int, hours: int) -> str:
    doublings = 60 * hours // minutes
    return (
        f"There are {hours} × 60 / {minutes} = {doublings} doublings. "
        f"The culture grows to {start} × 2^{doublings} = {start * 2**doublings} cells."
    )


def _colonies_steps(colonies: int, factor: int, plated: int) -> str:
    per_ml = colonies * 1000 // plated
    return (
        f"In the diluted sample there are {colonies} × 1000 / {plated} = {per_ml} per millilitre. "
        f"Undiluted this is {per_ml} × {factor} = {per_ml * factor}."
    )


def _size_steps(image: int, magnification: int) -> str:
    size = exact(Fraction(1000 * image, magnification))
    return f"The image is {image} × 1000 = {1000 * image} micrometres long. The cell is {1000 * image} / {magnification} = {say(size)} micrometres."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="microbiology.bacteria_after_hours",
        topic=("biology", "microbiology", "bacterial growth"),
        parameters={"start": Whole(20, 900), "minutes": OneOf((20, 30, 60)), "hours": Whole(2, 5)},
        solve=lambda start, minutes, hours: start << (60 * hours // minutes),
        injective=("start", "minutes", "hours"),
        steps=_growth_steps,
        noun="the number of bacteria",
        kind="integer",
        wordings=(
            "A culture starts with {start} bacteria, and their number doubles every {minutes} minutes. How many bacteria are there after {hours} hours of unhindered growth?",
            "Bacteria with a generation time of {minutes} minutes multiply in fresh broth for {hours} hours. If {start} cells were put in and none die, how many cells are in the broth at the end?",
            "Food is contaminated with {start} bacteria. In the warm kitchen each cell divides into two every {minutes} minutes. Find the number of bacteria {hours} hours later.",
        ),
    ),
    Family(
        name="microbiology.bacteria_from_colonies",
        topic=("biology", "microbiology", "plate counts"),
        parameters={
            "colonies": Whole(30, 300),
            "factor": OneOf((100, 1000, 10_000, 100_000)),
            "plated": OneOf((50, 100, 200, 250, 500)),
        },
        solve=lambda colonies, factor, plated: colonies * (1000 // plated) * factor,
        injective=("colonies", "factor", "plated"),
        steps=_colonies_steps,
        noun="the number of bacteria per millilitre",
        kind="integer",
        wordings=(
            "A water sample is diluted by a factor of {factor}, and {plated} microlitres of the dilution are spread on a plate. The next day {colonies} colonies have grown. How many living bacteria did the undiluted sample contain per millilitre?",
            "On an agar plate {colonies} colonies are counted. It had received {plated} microlitres of a culture diluted {factor} times. Find the number of colony-forming cells per millilitre of the original culture.",
            "Each of {colonies} colonies on a plate comes from one cell in the {plated} microlitres plated. Before plating, the milk under test was diluted by a factor of {factor}. What was the number of cells per millilitre of milk?",
        ),
    ),
    Family(
        name="cells.real_length_from_image",
        topic=("biology", "cell biology", "microscopy"),
        parameters={"image": Whole(5, 120), "magnification": OneOf((400, 500, 800, 1000, 1250, 2000, 5000))},
        solve=lambda image, magnification: exact(Fraction(1000 * image, magnification)),
        injective=("image", "magnification"),
        steps=_size_steps,
        noun="the real length of the cell in micrometres",
        kind="rational",
        unit="um",
        wordings=(
            "On a micrograph taken at a magnification of {magnification} times, a cell measures {image} millimetres. What is the real length of the cell in micrometres?",
            "A textbook prints a cell enlarged {magnification} times. In the picture the cell is {image} millimetres long. How many micrometres long is it in reality?",
            "A student draws a cell {image} millimetres long and notes a total enlargement by a factor of {magnification} beside the drawing. Find the actual length of the cell in micrometres.",
        ),
    ),
)
