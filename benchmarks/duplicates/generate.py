"""A synthetic data set of word problems with planted duplicates of known kinds.

    python benchmarks/duplicates/generate.py 1000000 problems.jsonl

A problem is put together from two to four of 48 sentence patterns about one of 40 scenes, with drawn names, things and numbers. One row
in ten repeats an earlier one: exactly, with other case and white space, with one word changed (near), with its numbers changed
(template), or with its sentences in another order and its phrases replaced (reworded). The columns `planted` and `of` say so.
"""

import argparse
import json
import re
from pathlib import Path
from random import Random

NAMES = [
    "Ada",
    "Bela",
    "Cem",
    "Dora",
    "Emil",
    "Fay",
    "Gil",
    "Hana",
    "Ivo",
    "Jana",
    "Kofi",
    "Lena",
    "Milo",
    "Nora",
    "Omar",
    "Pia",
    "Quin",
    "Rosa",
    "Sami",
    "Tara",
    "Umar",
    "Vera",
    "Wim",
    "Xena",
    "Yara",
    "Zeno",
    "Anouk",
    "Bram",
    "Celia",
    "Dario",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Mina",
    "Nilo",
    "Oona",
    "Paul",
    "Ravi",
    "Selma",
    "Timo",
    "Uta",
    "Vito",
    "Wanda",
    "Yuri",
    "Zora",
]
THINGS = [
    "apples",
    "bricks",
    "candles",
    "drums",
    "envelopes",
    "feathers",
    "gloves",
    "hats",
    "irons",
    "jars",
    "kites",
    "lamps",
    "mugs",
    "nails",
    "onions",
    "pears",
    "quilts",
    "ropes",
    "stamps",
    "tiles",
    "urns",
    "vases",
    "wheels",
    "yarns",
    "zips",
    "books",
    "chairs",
    "dolls",
    "eggs",
    "flags",
    "guitars",
    "hammers",
    "inks",
    "jackets",
    "keys",
    "ladders",
    "maps",
    "notebooks",
    "oars",
    "paintings",
    "radios",
    "saws",
    "tables",
    "umbrellas",
    "violins",
    "watches",
    "beads",
    "coins",
    "pencils",
    "plates",
    "ribbons",
    "shells",
    "spoons",
    "tickets",
]
PLACES = [
    "market",
    "harbour",
    "school",
    "library",
    "workshop",
    "station",
    "garden",
    "museum",
    "theatre",
    "bakery",
    "farm",
    "village",
    "factory",
    "office",
    "hotel",
    "airport",
    "stadium",
    "temple",
    "castle",
    "bridge",
    "island",
    "valley",
    "forest",
    "beach",
    "tower",
    "mill",
    "dairy",
    "mine",
    "quarry",
    "studio",
    "shop",
    "depot",
    "camp",
    "clinic",
    "court",
    "fair",
    "gym",
    "hall",
    "inn",
    "kiosk",
]
VERBS = [
    "buys",
    "sells",
    "packs",
    "carries",
    "counts",
    "finds",
    "loses",
    "paints",
    "sorts",
    "lends",
    "wraps",
    "stores",
    "mends",
    "weighs",
    "collects",
    "delivers",
    "repairs",
    "borrows",
    "labels",
    "stacks",
]
TIMES = ["morning", "evening", "week", "month", "weekend", "summer", "winter", "spring", "holiday", "afternoon"]
PATTERNS = (
    "In the {place} {name} {verb} {n} {thing} every {time}.",
    "{name} {verb} {n} {thing} and then {m} more in the same {time}.",
    "There are {n} boxes in the {place}, and each of them holds {m} {thing}.",
    "A friend named {other} brings {n} {thing} from the {place} as a present.",
    "Each of the {thing} costs {n} dollars when one {verb} them at the {place}.",
    "After {n} days a storm destroys {m} of the {thing} near the {place}.",
    "{other} has {n} times as many {thing} as {name} had in the {time}.",
    "On the way to the {place} {name} {verb} {n} {thing} out of a bag of {m}.",
    "The {place} opens for {n} hours a day and closes for {m} days each {time}.",
    "A group of {n} visitors shares {m} {thing} equally among its members.",
    "{name} and {other} walk {n} kilometres from the {place} to the {second} in {m} minutes.",
    "For every {n} {thing} that {name} {verb}, {other} gets {m} {more} for free.",
    "A machine in the {second} makes {n} {thing} an hour and stops after {m} hours.",
    "By the end of the {time} {n} of the {thing} and {m} of the {more} are left.",
    "The manager of the {second} orders {n} crates with {m} {more} in each of them.",
    "{other} pays {n} dollars for the trip and {m} dollars for the {more}.",
)
QUESTIONS = (
    "How many {thing} does {name} have in the end?", "How much money does {other} spend altogether?",
    "How many {more} are there at the {place} now?", "What is the total number of {thing} and {more}?",
    "How many hours does it take until all {thing} are gone?", "By how much do the {thing} outnumber the {more}?",
    "What share of the {thing} remains at the {second}?", "How many days pass before {name} needs new {more}?",
)  # fmt: skip
KINDS = (("exact", 0.03), ("spacing", 0.01), ("near", 0.03), ("template", 0.02), ("reworded", 0.01))
REWORDED = {
    "There are": "One can see", "each of them holds": "every single one contains", "and then": "followed by", "How many": "What number of",
    "as a present": "as a gift", "equally among its members": "in equal parts", "every": "each", "more": "further", "in the end": "finally",
}  # fmt: skip
_NUMBER = re.compile(r"\d+")


def problem(rng: Random) -> str:
    name, other = rng.sample(NAMES, 2)
    thing, more = rng.sample(THINGS, 2)
    place, second = rng.sample(PLACES, 2)
    fill = {"name": name, "other": other, "thing": thing, "more": more, "place": place, "second": second}
    parts = [
        pattern.format(
            **fill, verb=rng.choice(VERBS), time=rng.choice(TIMES), n=rng.randint(2, 99), m=rng.randint(2, 999)
        )
        for pattern in rng.sample(PATTERNS, rng.randint(2, 4))
    ]
    return " ".join([*parts, rng.choice(QUESTIONS).format(**fill)])


def repeated(kind: str, text: str, rng: Random) -> str:
    if kind == "exact":
        return text
    if kind == "spacing":
        return "  " + text.upper().replace(". ", ".\n")
    if kind == "near":
        words = text.split()
        at = rng.choice([at for at, word in enumerate(words) if word.isalpha() and 0 < at < len(words) - 1] or [0])
        return " ".join(
            [*words[:at], rng.choice(("some", "nearly", "quite", "also")), *words[at + rng.randint(0, 1) :]]
        )
    if kind == "template":
        return _NUMBER.sub(lambda match: str(rng.randint(2, 10 ** len(match[0]))), text)
    *parts, question = re.split(r"(?<=[.]) ", text)
    parts.reverse()
    text = " ".join([*parts, question])
    for old, new in REWORDED.items():
        text = text.replace(old, new)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = Random(f"duplicates {options.seed}")
    originals: list[tuple[int, str]] = []
    with options.out.open("w", encoding="utf-8") as file:
        for number in range(options.rows):
            drawn, kind, of = rng.random(), "", None
            for name, share in KINDS:
                if drawn < share and number > 100:
                    kind = name
                    break
                drawn -= share
            if kind:
                of, text = originals[rng.randrange(len(originals))]
                text = repeated(kind, text, rng)
            else:
                text = problem(rng)
                originals.append((number, text))
            row = {"id": number, "question": text, "score": round(rng.random(), 2), "planted": kind, "of": of}
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
