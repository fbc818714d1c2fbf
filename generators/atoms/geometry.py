"""Lengths, areas and angles (mathematics / geometry)."""

from fractions import Fraction
from math import hypot, pi

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _path_steps(length: int, width: int, path: int) -> str:
    long, wide = length + 2 * path, width + 2 * path
    return (
        f"Pool and path together cover {long} × {wide} = {long * wide} square metres. "
        f"The pool alone covers {length * width}, so the path covers {long * wide - length * width} square metres."
    )


def _surface_steps(length: int, width: int, height: int) -> str:
    faces = (length * width, length * height, width * height)
    return (
        f"The three kinds of faces measure {faces[0]}, {faces[1]} and {faces[2]}. Twice their sum is {2 * sum(faces)}."
    )


def _tree_height(stick: int, shadow: int, tree_shadow: int) -> int | Fraction:
    return exact(Fraction(stick * tree_shadow, shadow))


def _triangle_type(a: int, b: int, c: int) -> str:
    short, middle, long = sorted((a, b, c))
    rest = short * short + middle * middle - long * long
    return "right" if rest == 0 else "acute" if rest > 0 else "obtuse"


def _triangle_steps(a: int, b: int, c: int) -> str:
    short, middle, long = sorted((a, b, c))
    left, right = short * short + middle * middle, long * long
    sign = "=" if left == right else ">" if left > right else "<"
    return f"Compare the squares: {short}² + {middle}² = {left} {sign} {right} = {long}². The triangle is {_triangle_type(a, b, c)}."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="geometry.path_around_pool",
        topic=("mathematics", "geometry", "areas of rectangles"),
        parameters={"length": Whole(15, 80), "width": Whole(5, 40), "path": Whole(2, 9)},
        solve=lambda length, width, path: 2 * path * (length + width) + 4 * path * path,
        injective=("length", "width", "path"),
        steps=_path_steps,
        noun="the area of the path in square metres",
        kind="integer",
        unit="m^2",
        wordings=(
            "A rectangular pool measures {length} metres by {width} metres. A path {path} metres wide runs all the way round it, with square corners. What is the area of the path in square metres?",
            "Around a rectangular pool, {length} metres long and {width} metres wide, a rectangular border of width {path} metres is paved as a path. How many square metres does the path cover?",
            "A path of constant width {path} metres encloses a rectangular lawn of {length} by {width} metres, and its outer edge is a rectangle too. Find the area of the path in square metres.",
        ),
    ),
    Family(
        name="geometry.box_surface",
        topic=("mathematics", "geometry", "surface areas"),
        parameters={"length": Whole(5, 90), "width": Whole(5, 60), "height": Whole(3, 50)},
        solve=lambda length, width, height: 2 * (length * width + length * height + width * height),
        injective=("length", "width", "height"),
        steps=_surface_steps,
        noun="the surface area in square centimetres",
        kind="integer",
        unit="cm^2",
        wordings=(
            "A closed rectangular box is {length} centimetres long, {width} centimetres wide and {height} centimetres high. What is its total surface area in square centimetres?",
            "How many square centimetres of paper cover a cuboid with edges of {length}, {width} and {height} centimetres exactly, without overlap?",
            "Find the total area, in square centimetres, of the faces of a solid brick measuring {length} by {width} by {height} centimetres.",
        ),
    ),
    Family(
        name="geometry.height_by_shadow",
        topic=("mathematics", "geometry", "similar triangles"),
        parameters={
            "stick": Whole(50, 250),
            "shadow": OneOf((50, 64, 80, 100, 125, 160, 200, 250)),
            "tree_shadow": Whole(3, 40),
        },
        solve=_tree_height,
        injective=("stick", "shadow", "tree_shadow"),
        steps=lambda stick, shadow, tree_shadow: (
            f"Heights and shadows have the same ratio {stick} / {shadow}. "
            f"The tree is {tree_shadow} × {stick} / {shadow} = {say(_tree_height(stick, shadow, tree_shadow))} metres tall."
        ),
        noun="the height of the tree in metres",
        kind="rational",
        unit="m",
        constraint=lambda stick, shadow, tree_shadow: 2 * stick < 3 * shadow < 9 * stick,
        wordings=(
            "An upright stick {stick} centimetres long casts a shadow of {shadow} centimetres, while a tree casts a shadow of {tree_shadow} metres. How tall is the tree in metres, exactly?",
            "The shadow of a tree is {tree_shadow} metres long. At the same time a vertical rod of {stick} centimetres has a shadow of {shadow} centimetres. Find the exact height of the tree in metres.",
            "On level ground a pole of {stick} centimetres throws a shadow of {shadow} centimetres. What height in metres has a tree whose shadow is {tree_shadow} metres long then? Give an exact number.",
        ),
    ),
    Family(
        name="geometry.field_diagonal",
        topic=("mathematics", "geometry", "right triangles"),
        parameters={"length": Whole(20, 400), "width": Whole(20, 300)},
        solve=lambda length, width: hypot(length, width),
        injective=("length", "width"),
        steps=lambda length, width: (
            f"By Pythagoras the square of the diagonal is {length}² + {width}² = {length**2 + width**2}. "
            f"Its root is {hypot(length, width):.6g} metres."
        ),
        noun="the length of the diagonal in metres",
        kind="real",
        unit="m",
        tolerance=1e-3,
        wordings=(
            "A rectangular field is {length} metres long and {width} metres wide. How long is its diagonal in metres? Give a decimal accurate to 0.1 %.",
            "What is the distance in metres between opposite corners of a rectangular yard that measures {length} metres by {width} metres? Give a decimal accurate to 0.1 %.",
            "A straight path runs along the diagonal of a rectangular park with sides of {length} and {width} metres. Find the length of the path in metres, as a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="geometry.sector_area",
        topic=("mathematics", "geometry", "circles"),
        parameters={"radius": Whole(3, 90), "angle": Whole(20, 340)},
        solve=lambda radius, angle: pi * radius * radius * angle / 360,
        injective=("radius", "angle"),
        steps=lambda radius, angle: (
            f"The full circle has the area π × {radius}² = {pi * radius**2:.6g}. "
            f"The sector is {angle}/360 of it, {pi * radius**2 * angle / 360:.6g} square centimetres."
        ),
        noun="the area of the sector in square centimetres",
        kind="real",
        unit="cm^2",
        tolerance=1e-3,
        wordings=(
            "A sector of a circle with a radius of {radius} centimetres has a central angle of {angle} degrees. What is its area in square centimetres? Give a decimal accurate to 0.1 %.",
            "A hand fan opens to a circular sector with an angle of {angle} degrees and a radius of {radius} centimetres. How many square centimetres does it cover? Give a decimal accurate to 0.1 %.",
            "Two radii of a disc enclose an angle of {angle} degrees. The radius is {radius} centimetres. Find the area of the sector inside that angle in square centimetres, as a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="geometry.triangle_type",
        topic=("mathematics", "geometry", "triangles"),
        parameters={"a": Whole(10, 60), "b": Whole(10, 60), "c": Whole(10, 60)},
        solve=_triangle_type,
        steps=_triangle_steps,
        noun="the type of the triangle",
        kind="string",
        constraint=lambda a, b, c: a + b > c and a + c > b and b + c > a,
        wordings=(
            "A triangle has sides of {a}, {b} and {c} centimetres. Is it acute, right or obtuse? Answer with one of the three words.",
            "Three rods measuring {a}, {b} and {c} centimetres form a triangle. By its largest angle, is the triangle acute, right or obtuse?",
            "Classify the triangle with side lengths {a}, {b} and {c} by its angles: acute, right or obtuse.",
        ),
    ),
)
