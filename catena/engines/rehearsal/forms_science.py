"""Problems of physics, chemistry, biology and geometry. Gravity is 9.8 m/s², water takes 4186 J/(kg K)."""

from fractions import Fraction
from math import pi

from catena.engines.rehearsal.form import Form, whole

SCIENCE: tuple[Form, ...] = (
    Form(
        name="kinetic-energy",
        topics=("physics", "mechanic", "energy", "dynamics"),
        kind="real",
        unit="J",
        draw=whole(m=(2, 95), v=(3, 41)),
        solve=lambda m, v: m * v * v / 2,
        misses=lambda m, v: (float(m * v * v), m * v / 2, float(m * v)),
        wordings=(
            "A cart in {place} has a mass of {m} and rolls at {v}. What is its kinetic energy in joules?",
            "{who} pushes a sled with {thing}, {m} in all, up to a speed of {v}. Find the kinetic energy it then has, in joules.",
        ),
        blank=("m", "a known mass"),
        suffix={"m": " kg", "v": " m/s"},
    ),
    Form(
        name="free-fall",
        topics=("physics", "mechanic", "gravit", "kinematic", "motion"),
        kind="real",
        unit="m",
        draw=lambda draws: {"t": Fraction(draws.between(11, 69), 10)},
        solve=lambda t: float(Fraction(49, 10) * t * t),
        misses=lambda t: (float(Fraction(98, 10) * t * t), float(Fraction(98, 10) * t), float(Fraction(49, 10) * t)),
        wordings=(
            "From a bridge in {place}, {who} drops a stone from rest and hears it strike {t} of a second later. Neglecting air and the time of the sound, how many metres did it fall? Use 9.8 m/s^2.",
            "A bag of {thing} falls freely from rest for {t} of a second. With gravity at 9.8 m/s^2 and no air, what distance in metres does it fall?",
        ),
        blank=("t", "some part"),
    ),
    Form(
        name="warming-water",
        topics=("thermo", "heat", "physics", "temperature", "climate"),
        kind="real",
        unit="J",
        draw=whole(m=(2, 60), a=(4, 30), b=(35, 90)),
        solve=lambda m, a, b: float(4186 * m * (b - a)),
        misses=lambda m, a, b: (float(4186 * m * b), float(4186 * (b - a)), float(4186 * m * (a + b))),
        wordings=(
            "A boiler in {place} warms {m} of water from {a} to {b}. How much heat in joules does that take? Water takes 4186 J per kilogram and degree.",
            "{who} heats {m} of water, at {a} to begin with, until it has {b}. With 4186 J per kilogram and degree, find the heat in joules.",
        ),
        blank=("b", "a higher temperature"),
        suffix={"m": " kg", "a": " °C", "b": " °C"},
    ),
    Form(
        name="block-mass",
        topics=("density", "material", "chem", "physics", "geolog", "solid"),
        kind="real",
        unit="g",
        draw=lambda draws: {
            "a": draws.between(3, 30),
            "b": draws.between(3, 30),
            "c": draws.between(2, 20),
            "d": draws.between(2, 19),
        },
        solve=lambda a, b, c, d: float(a * b * c * d),
        misses=lambda a, b, c, d: (a * b * c / d, float((a + b + c) * d), float(2 * (a * b + b * c + a * c) * d)),
        wordings=(
            "A solid block is {a} long, {b} wide and {c} high; its material has a density of {d} g/cm^3. What is its mass in grams?",
            "{who} weighs a brick found in {place}. It is {b} wide, {a} long and {c} high, and a cubic centimetre of it has {d} g. Which mass in grams is expected?",
        ),
        blank=("c", "rather"),
        suffix={
            "a": " cm",
            "b": " cm",
            "c": " cm",
        },
    ),
    Form(
        name="half-lives",
        topics=("nuclear", "decay", "chem", "radio", "biolog", "pharma", "kinetic"),
        kind="rational",
        draw=whole(n=(50, 900), h=(3, 30), k=(2, 6)),
        solve=lambda n, h, k: Fraction(n, 2**k),
        misses=lambda n, h, k: (Fraction(n, 2 * k), Fraction(n, 2 ** (k - 1)), n - Fraction(n, 2**k)),
        wordings=(
            "A sample holds {n} mg of a substance with a half-life of {h} hours. Exactly how many mg are left after {k} half-lives?",
            "Of a drug, {n} mg are given to a patient in {place}; every {h} hours half of what is there is lost. Find the exact amount in mg after {k} such periods.",
        ),
        blank=("k", "a number of"),
    ),
    Form(
        name="meeting-trains",
        topics=("kinematic", "motion", "speed", "rate", "relative"),
        kind="rational",
        draw=whole(d=(90, 700), v=(40, 85), w=(86, 150)),
        solve=lambda d, v, w: Fraction(d, v + w),
        misses=lambda d, v, w: (Fraction(d, w - v), Fraction(2 * d, v + w), Fraction(d, v)),
        wordings=(
            "Two trains start at the same time towards each other from {place} and a town {d} away, one at {v}, the other at {w}. After exactly how many hours do they meet?",
            "{who} leaves {place} at {v}; a friend starts at the same moment, {d} away, straight towards {place} at {w}. Exactly how many hours pass until they meet?",
        ),
        blank=("d", "some way"),
        suffix={"d": " km", "v": " km/h", "w": " km/h"},
    ),
    Form(
        name="path-around-a-bed",
        topics=("geometr", "area", "rectang", "measure"),
        kind="integer",
        draw=whole(a=(8, 60), b=(5, 45), w=(1, 4)),
        solve=lambda a, b, w: (a + 2 * w) * (b + 2 * w) - a * b,
        misses=lambda a, b, w: ((a + w) * (b + w) - a * b, 2 * w * (a + b), (a + 2 * w) * (b + 2 * w)),
        wordings=(
            "A rectangular bed in {place} is {a} long and {b} wide. A path {w} wide runs all around it. What is the area of the path in square metres?",
            "{who} frames a rectangle of {a} by {b} with a strip that is {w} wide on every side and covers it with {thing}. Find the area of the strip in square metres.",
        ),
        blank=("w", "evenly"),
        suffix={"a": " m", "b": " m", "w": " m"},
    ),
    Form(
        name="cylinder",
        topics=("geometr", "volume", "solid", "calculus", "engineer"),
        kind="real",
        unit="cm^3",
        draw=whole(r=(2, 25), h=(3, 60)),
        solve=lambda r, h: pi * r * r * h,
        misses=lambda r, h: (2 * pi * r * h, 4 * pi * r * r * h, pi * r * r * h / 3),
        wordings=(
            "A cylindrical tin for {thing} has a radius of {r}; its height is {h}. What is its volume in cubic centimetres?",
            "{who} casts a cylinder whose height is {h} and whose base has a radius of {r}. Find its volume in cubic centimetres.",
        ),
        blank=("h", "known only to the maker"),
        suffix={"r": " cm", "h": " cm"},
    ),
    Form(
        name="grid-distance",
        topics=("geometr", "vector", "coordinate", "linear algebra", "distance"),
        kind="integer",
        draw=whole(a=(-20, 20), b=(-20, 20), c=(21, 50), d=(22, 50)),
        solve=lambda a, b, c, d: (c - a) ** 2 + (d - b) ** 2,
        misses=lambda a, b, c, d: ((c - a + d - b) ** 2, (c + a) ** 2 + (d + b) ** 2, abs((c - a) ** 2 - (d - b) ** 2)),
        wordings=(
            "On the map of {place}, {who} stands at ({a}, {b}) and the well is at ({c}, {d}). What is the square of the distance between them?",
            "Find the squared length of the vector that leads from ({a}, {b}) to ({c}, {d}).",
        ),
        blank=("d", "y"),
    ),
)
