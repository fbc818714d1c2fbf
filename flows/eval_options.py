"""What the options of `catena eval` mean: the model and how it is asked, which pass@k, which columns."""

import argparse
import tomllib
from dataclasses import replace
from typing import Any

from catena.budget import Limits
from catena.engines.base import Sampling
from catena.engines.models import ModelSpec, Price
from catena.errors import UserError
from catena.flows.eval_asking import Asking
from catena.flows.eval_benchmarks import PRESETS, Layout

_COLUMNS = {"question": "question", "answer": "answer", "choices": "choices", "id": "identity", "subject": "subject"}


def ks_of(options: argparse.Namespace) -> tuple[int, ...]:
    """Which pass@k, ascending.

    Raises:
        UserError: More samples are needed than are drawn.
    """
    samples = 1 if options.greedy else options.samples
    if samples < 1:
        raise UserError(f"--samples {samples}: expected at least 1")
    ks = tuple(sorted(set(options.k)))
    if ks[0] < 1 or ks[-1] > samples:
        drawn = "--greedy draws 1" if options.greedy else f"--samples is {samples}"
        raise UserError(f"--k {ks[-1] if ks[-1] > samples else ks[0]}: pass@k needs 1 <= k <= samples, and {drawn}")
    return ks


def asking_of(options: argparse.Namespace) -> Asking:
    """The model and how it is asked.

    Raises:
        UserError: Options that do not fit together, or an impossible number.
    """
    if options.endpoint and options.engine:
        raise UserError("--endpoint and --engine: a server answers, or this process does; leave one of them out")
    if options.key is not None and not options.key.startswith(("env:", "file:")):
        raise UserError("--key: name the API key by reference, 'env:NAME' or 'file:PATH'; a key itself is refused")
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit {options.limit}: expected at least 1 problem")
    if options.max_tokens < 1 or options.concurrency < 1 or options.timeout <= 0:
        raise UserError(
            f"--max-tokens {options.max_tokens}, --concurrency {options.concurrency}, --timeout {options.timeout:g}: expected at"
            " least 1, at least 1 and more than 0"
        )
    if not options.greedy and not 0 < options.temperature <= 5:
        raise UserError(
            f"--temperature {options.temperature:g}: expected more than 0 and at most 5; --greedy stands for 0"
        )
    if options.budget is not None and options.price is None:
        raise UserError("--budget is in money, so it needs --price IN OUT; --budget-tokens does without")
    spec = ModelSpec(
        name=options.model,
        model=options.model,
        engine="openai" if options.endpoint else options.engine or "transformers",
        urls=tuple(options.endpoint or ()),
        key=options.key,
        concurrency=options.concurrency,
        timeout_s=options.timeout,
        price=None if options.price is None else Price(*options.price),
        options=dict(map(_setting, options.option)),
    )
    sampling = Sampling(
        max_tokens=options.max_tokens,
        temperature=0.0 if options.greedy else options.temperature,
        top_p=None if options.greedy else options.top_p,
    )
    samples = 1 if options.greedy else options.samples
    limits = Limits(money=options.budget, tokens=options.budget_tokens)
    return Asking(spec, sampling, samples, options.seed, limits, options.system)


def layout_of(options: argparse.Namespace) -> Layout | None:
    """How rows of a benchmark are read; None where no option says so.

    Raises:
        UserError: An option that the format has no use for.
    """
    given = {field: (value,) for name, field in _COLUMNS.items() if (value := getattr(options, name)) is not None}
    if options.format is None and not given and options.answer_type is None and options.split is None:
        return None
    layout = PRESETS[options.format] if options.format else Layout()
    changes: dict[str, Any] = dict(given)
    if "choices" in changes:
        if layout.form == "gsm8k" or layout.wrong:
            raise UserError(f"--choices: --format {options.format} knows where its choices are; leave one of them out")
        changes["form"] = "choice"
    if options.answer_type is not None:
        changes["kind"] = options.answer_type
    if options.split is not None:
        changes["split"] = options.split
    return replace(layout, **changes)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"--option {text}: write it as NAME=VALUE, e.g. --option max_model_len=8192")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value
