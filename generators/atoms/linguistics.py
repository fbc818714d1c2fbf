"""Sound systems, inflection, word order in dictionaries and letters (linguistics)."""

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family

NOUNS = (
    "child woman man mouse goose ox wolf thief calf fox witch boss princess walrus lady pony puppy spy baby monkey "
    "donkey boy dog farmer eagle ostrich finch wife elf hero chief sheep fisherman mongoose dormouse canary "
    "cowboy dragonfly nurse bridesmaid"
)
IRREGULAR = {"child": "children", "ox": "oxen", "sheep": "sheep", "mouse": "mice", "dormouse": "dormice"}
IRREGULAR |= {"goose": "geese", "man": "men", "woman": "women", "fisherman": "fishermen", "hero": "heroes"}
IRREGULAR |= {"wolf": "wolves", "thief": "thieves", "calf": "calves", "wife": "wives", "elf": "elves"}
VERBS = {"sleeps": "sleep", "waits": "wait", "runs": "run", "cries": "cry", "hurries": "hurry", "tries": "try"}
VERBS |= {"watches": "watch", "rushes": "rush", "dies": "die", "plays": "play", "is hungry": "are hungry"}
VERBS |= {"passes by": "pass by", "dances": "dance", "was late": "were late", "has gone": "have gone", "rises": "rise"}
WORDS = (
    "station statue status stamp stable plant planet plate player plank market marble margin march marsh contest "
    "context content contract contrast grain grammar grand grape graph letter lettuce level lever leather"
)


def _plural(noun: str) -> str:
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else f"{noun}s"


def _clause_steps(noun: str, verb: str) -> str:
    return (
        f"The plural of {noun} is {_plural(noun)}. With a plural subject, {verb} becomes {VERBS[verb]}. "
        f"The result is: the {_plural(noun)} {VERBS[verb]}"
    )


def _shift(word: str, places: int) -> str:
    return "".join(chr(97 + (ord(letter) - 97 + places) % 26) for letter in word)


def _shift_steps(word: str, places: int) -> str:
    moved = _shift(word, places)
    pairs = ", ".join(f"{old} becomes {new}" for old, new in zip(word, moved, strict=True))
    return (
        f"The alphabet repeats after 26 letters, so the shift is {places % 26}. Then {pairs}. The word becomes {moved}"
    )


def _order_steps(first: str, second: str, third: str, fourth: str) -> str:
    ordered = sorted((first, second, third, fourth))
    return (
        f"Compare letter by letter from the left. {ordered[0]} comes before {ordered[1]}, that before {ordered[2]}, "
        f"and {ordered[3]} is last: {', '.join(ordered)}"
    )


def _syllable_steps(onsets: int, vowels: int, codas: int) -> str:
    starts, ends = onsets + 1, codas + 1
    return (
        f"With the empty choice there are {starts} beginnings and {ends} endings. "
        f"Choices multiply: {starts} × {vowels} × {ends} = {starts * vowels * ends}."
    )


def _verb_steps(verbs: int, tenses: int, persons: int, other: int) -> str:
    each = tenses * persons + other
    return (
        f"One verb has {tenses} × {persons} + {other} = {each} forms, all verbs have {verbs} × {each} = {verbs * each}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="phonology.possible_syllables",
        topic=("linguistics", "phonology", "syllable structure"),
        parameters={"onsets": Whole(6, 60), "vowels": Whole(3, 20), "codas": Whole(2, 25)},
        solve=lambda onsets, vowels, codas: (onsets + 1) * vowels * (codas + 1),
        injective=("onsets", "vowels", "codas"),
        steps=_syllable_steps,
        noun="the number of possible syllables",
        kind="integer",
        wordings=(
            "In a language, a syllable consists of an optional consonant chosen from {onsets}, one of {vowels} vowels, and an optional final consonant chosen from {codas}. How many different syllables are possible?",
            "A language has {vowels} vowels. A syllable needs exactly one of them; it may begin with one of {onsets} consonants and may end with one of {codas} consonants. Count the syllables that the rules allow.",
            "Syllables of a constructed language have one vowel out of {vowels}. One onset consonant out of {onsets} may stand before it and one coda consonant out of {codas} after it; either or both may be missing. What is the number of distinct syllables?",
        ),
    ),
    Family(
        name="morphology.verb_forms_in_lexicon",
        topic=("linguistics", "morphology", "inflection"),
        parameters={"verbs": Whole(2, 900), "tenses": Whole(2, 9), "persons": Whole(3, 9), "other": Whole(2, 12)},
        solve=lambda verbs, tenses, persons, other: verbs * (tenses * persons + other),
        injective=("verbs", "tenses", "persons", "other"),
        steps=_verb_steps,
        noun="the number of verb forms",
        kind="integer",
        wordings=(
            "Every verb of a language is inflected for {tenses} tenses and, within each tense, for {persons} combinations of person and number. It also has {other} forms without person. How many forms does a dictionary of {verbs} verbs contain, if all are different?",
            "A conjugation table has {tenses} columns for the tenses and {persons} rows for person and number, plus {other} infinitives and participles below. All cells are filled with distinct forms. How many forms do the tables of {verbs} verbs hold?",
            "For a spell checker, {verbs} regular verbs are listed in full. Each has {other} non-finite forms and one finite form for every pairing of {tenses} tenses with {persons} person-number combinations, none of them alike. Find the length of the list.",
        ),
    ),
    Family(
        name="morphology.clause_in_plural",
        topic=("linguistics", "morphology", "plural and agreement"),
        parameters={"noun": OneOf(NOUNS.split()), "verb": OneOf(tuple(VERBS))},
        solve=lambda noun, verb: f"the {_plural(noun)} {VERBS[verb]}",
        injective=("noun", "verb"),
        steps=_clause_steps,
        noun="the clause in the plural",
        kind="string",
        wordings=(
            'Put the English clause "the {noun} {verb}" into the plural, changing both the noun and the verb. Answer with the new clause in small letters.',
            'Rewrite "the {noun} {verb}" so that it speaks of several instead of one, and keep the tense. Write the clause in lower case without a full stop.',
            'What does the English clause "the {noun} {verb}" become when its subject is made plural and the verb agrees with it? Give the clause in lower case, without punctuation.',
        ),
    ),
    Family(
        name="lexicography.dictionary_order",
        topic=("linguistics", "lexicography", "alphabetical order"),
        parameters=dict.fromkeys(("first", "second", "third", "fourth"), OneOf(WORDS.split())),
        solve=lambda first, second, third, fourth: tuple(sorted((first, second, third, fourth))),
        steps=_order_steps,
        noun="the words in dictionary order",
        kind="sequence",
        constraint=lambda first, second, third, fourth: len({first, second, third, fourth}) == 4,
        wordings=(
            "Arrange these words as they stand in a dictionary: {first}, {second}, {third}, {fourth}. Give them separated by commas.",
            "An index is to list the entries {first}, {second}, {third} and {fourth} in alphabetical order. Write down the ordered list with commas between the words.",
            "In which order would a reader going through a dictionary from the front meet the words {first}, {second}, {third} and {fourth}? List them, earliest entry first, separated by commas.",
        ),
    ),
    Family(
        name="writing.letter_shift",
        topic=("linguistics", "writing systems", "alphabets"),
        parameters={"word": OneOf(WORDS.split()), "places": Whole(2, 200)},
        solve=_shift,
        injective=("word",),
        steps=_shift_steps,
        noun="the shifted word",
        kind="string",
        constraint=lambda word, places: places % 26 != 0,
        wordings=(
            'Replace every letter of the word "{word}" by the letter {places} places later in the English alphabet, going back to the start after the last letter as often as needed. What is the result, in small letters?',
            'The alphabet is written around a ring. Each letter of "{word}" moves forward by {places} places on the ring. Write the resulting string of small letters.',
            'Encrypt "{word}" with a Caesar cipher that shifts letters forward by {places} positions, wrapping around the English alphabet of twenty-six letters. Answer in lower case.',
        ),
    ),
)
