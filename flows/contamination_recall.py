"""What `catena contamination --plant` measures: the recall on planted leaks, and whether it is as high as was required."""

import argparse
from collections.abc import Iterator, Mapping, Sequence

from catena.errors import UserError
from catena.sentence_embeddings import Embedder
from catena.validators.contamination_search import Recall, planted_recall
from catena.validators.planted_leaks import LEAK_KINDS, labelled, plant


def required_recall(options: argparse.Namespace) -> dict[str, float]:
    """The least recall by kind of leak.

    Raises:
        UserError: It is not well-formed, or nothing is planted.
    """
    required: dict[str, float] = {}
    for one in options.require_recall:
        kind, _, share = one.partition("=")
        try:
            required[kind] = float(share)
        except ValueError:
            required[kind] = -1.0
        if kind not in LEAK_KINDS[:-1] or not 0 <= required[kind] <= 1:
            raise UserError(
                f"--require-recall {one}: expected one of {', '.join(LEAK_KINDS[:-1])}, = and a share in [0, 1]"
            )
    if required and not options.plant:
        raise UserError("--require-recall: nothing is planted to measure it on; add --plant with a number of items")
    return required


def lacking(recall: Mapping[str, list[Recall]], required: Mapping[str, float]) -> Iterator[str]:
    """What is below the required recall; where answers are known, recall without them is not asked for."""
    measured = {one.kind: one for own in recall.values() for one in own}
    for kind, share in required.items():
        one = next((one for name, one in measured.items() if name == kind), None)
        if one is None:
            yield f"planted {kind}: none could be made"
        elif one.found < share * one.planted:
            yield f"planted {kind}: {one.found} of {one.planted} found, required {share:g}"


def measured_recall(
    options: argparse.Namespace,
    statements: Mapping[str, Sequence[str]],
    known: Mapping[str, Sequence[str]],
    embedder: Embedder | None,
) -> dict[str, list[Recall]]:
    """Recall on leaks of the benchmarks' own items, and on paraphrases of the labelled problems, added to them.

    Once from the statements alone, and once with answers where the benchmarks have them.
    """
    items = [statement for own in statements.values() for statement in own]
    originals, written = labelled(len(items))
    planted = [*plant(items, options.plant), *written]
    items += originals
    recall = {"recall": planted_recall(items, planted, depth=options.depth, embedder=embedder)}
    answers = [answer for own in known.values() for answer in own]
    if any(answers) and options.depth != "words":
        answers += [f"labelled {number}" for number in range(len(originals))]
        recall["recall_with_answers"] = planted_recall(
            items, planted, answers=answers, depth=options.depth, embedder=embedder
        )
    return recall


def recall_lines(recall: Mapping[str, list[Recall]]) -> Iterator[str]:
    """One line for each kind of leak."""
    for name, one in ((name, one) for name, own in recall.items() for one in own):
        known = ", answers known" if name != "recall" else ""
        wrong = "wrongly called" if one.kind == "near miss" else f"found ({one.found / one.planted:.3f})"
        yield f"planted {one.kind:<11} {one.found:>5} of {one.planted:>5} {wrong}, {one.right_item} in the right item{known}"
