"""Counting words in text collections (linguistics / corpus linguistics)."""

from fractions import Fraction
from math import log2

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _zipf_steps(rank: int, count: int, other: int) -> str:
    return (
        f"By Zipf's law rank times frequency is constant: {rank} × {count} = {rank * count}. "
        f"At rank {other} this leaves {rank * count} / {other} = {rank * count // other} occurrences."
    )


def _million_steps(count: int, size: int) -> str:
    return (
        f"A million words are 1000000 / {size} = {say(exact(Fraction(1_000_000, size)))} times the corpus. "
        f"The frequency is {count} × 1000000 / {size} = {count * 1_000_000 // size} per million."
    )


def _variety_steps(tokens: int, types: int) -> str:
    return f"Types over tokens: {types} / {tokens} = {say(exact(Fraction(types, tokens)))}."


def _surprisal_steps(count: int, size: int) -> str:
    return (
        f"The probability is {count} / {size}, and the information is the base-two logarithm of {size} / {count}, "
        f"which is {log2(size / count):.5g} bits."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="corpora.count_by_zipf",
        topic=("linguistics", "corpus linguistics", "Zipf's law"),
        parameters={"rank": Whole(3, 90), "count": Whole(40, 2000, 40), "other": OneOf((2, 4, 5, 8, 10, 20, 40))},
        solve=lambda rank, count, other: rank * count // other,
        injective=("rank", "count", "other"),
        steps=_zipf_steps,
        noun="the predicted number of occurrences",
        kind="integer",
        constraint=lambda rank, count, other: rank != other,
        wordings=(
            "The words of a corpus are ranked by frequency, and the one at rank {rank} occurs {count} times. By Zipf's law in its simplest form, how often is the word at rank {other} expected to occur?",
            "Suppose that word frequency is exactly inversely proportional to rank. If a word of rank {rank} was counted {count} times, what count follows for the word of rank {other}?",
            "A frequency list obeys Zipf's law with exponent one. Rank {rank} has a frequency of {count} occurrences. Predict the number of occurrences at rank {other}.",
        ),
    ),
    Family(
        name="corpora.frequency_per_million",
        topic=("linguistics", "corpus linguistics", "normalised frequency"),
        parameters={
            "count": Whole(2, 900),
            "size": OneOf((20_000, 25_000, 40_000, 50_000, 100_000, 125_000, 200_000, 250_000, 500_000)),
        },
        solve=lambda count, size: count * (1_000_000 // size),
        injective=("count", "size"),
        steps=_million_steps,
        noun="the frequency per million words",
        kind="integer",
        wordings=(
            "A word occurs {count} times in a corpus of {size} words. What is its frequency per million words?",
            "To compare text collections of different sizes, linguists state hits per million words. Convert {count} hits in {size} words to this measure.",
            "A collection of transcripts totals {size} words, and a certain construction is found {count} times. How many occurrences per million words does this correspond to?",
        ),
    ),
    Family(
        name="corpora.type_token_ratio",
        topic=("linguistics", "corpus linguistics", "lexical diversity"),
        parameters={"tokens": OneOf((200, 250, 320, 400, 500, 625)), "types": Whole(60, 180)},
        solve=lambda tokens, types: exact(Fraction(types, tokens)),
        injective=("tokens", "types"),
        steps=_variety_steps,
        noun="the type-token ratio",
        kind="rational",
        wordings=(
            "A child's story has {tokens} running words, among which there are {types} different words. What is its type-token ratio?",
            "Lexical diversity is measured as the number of distinct words over the number of all words. Calculate it for a text with {types} distinct words and a length of {tokens} words.",
            "In a transcript of {tokens} tokens a linguist counts {types} types. Find the ratio of types to tokens.",
        ),
    ),
    Family(
        name="corpora.information_of_word",
        topic=("linguistics", "corpus linguistics", "information content"),
        parameters={"count": Whole(2, 900), "size": Whole(20_000, 900_000, 5000)},
        solve=lambda count, size: log2(size / count),
        injective=("count", "size"),
        steps=_surprisal_steps,
        noun="the information content in bits",
        kind="real",
        unit="bit",
        tolerance=1e-3,
        level="university",
        wordings=(
            "In a corpus of {size} words, a word occurs {count} times. With its relative frequency as probability, how many bits of information does one occurrence carry? Give a decimal accurate to 0.1 %.",
            "Surprisal is minus the base-two logarithm of probability. Estimate the probability of a word from {count} occurrences among {size} running words and give its surprisal in bits. Give a decimal accurate to 0.1 %.",
            "A language model without context assigns each word its share of the training text. Find the information content, in bits, of a word seen {count} times in {size} words. Give a decimal accurate to 0.1 %.",
        ),
    ),
)
