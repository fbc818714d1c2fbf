"""The data set card of a run, `card/README.md`: what the data is, how it came about, and how far it can be trusted.

    card_text(facts_of(plan, report, audit))

The text follows from the facts alone, which hold no time, place or key. Whatever a model may have written is escaped; numbers
and the sentences around them are the run's. Not here: uploading it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from catena.flows.auditing import read_audit
from catena.flows.card_recipe import recipe_toml
from catena.flows.plan import Plan
from catena.flows.recipe_pipelines import AskStep
from catena.flows.run_folder import DATA_MANIFEST
from catena.invisible import spelled_out
from catena.shards import read_manifest
from catena.storage import Store
from catena.validators.audit_licences import Licence, licence_of

CARD = "card/README.md"
USES = ("sft", "rl", "test", "probe", "quarantine")
"""In this order; other uses follow."""
_SIZES = (
    (1e3, "n<1K"),
    (1e4, "1K<n<10K"),
    (1e5, "10K<n<100K"),
    (1e6, "100K<n<1M"),
    (1e7, "1M<n<10M"),
    (1e8, "10M<n<100M"),
)
_LONGEST = 200
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~$!&]")
_LINKS = re.compile(r":(?=//)|@|(?<=[wW]{3})\.")


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model of the run: what it was asked for, and what its licence says of training on its outputs."""

    model: str
    steps: tuple[str, ...]
    licence: Licence


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says.

    Attributes:
        uses: Published rows by use; each is a configuration on the hub, of the files in `data/<use>/`.
        stages: As `report.json` has them: `stage`, `rows_in`, `rows_out`, `filtered` and `failed` by cause, `pending`.
        subjects, horizons: As `report.json` has them.
        panels: As `catena.flows.report_panel.panels` gives them.
        audit: As `catena.flows.auditing.write_audit` gives it; None where the rows were not audited.
        recipe: The recipe as TOML, without places and keys.
    """

    name: str
    title: str
    description: str
    license: str
    languages: tuple[str, ...]
    catena: str
    identity: str
    seed: int
    uses: tuple[tuple[str, int], ...]
    stages: tuple[Mapping[str, Any], ...]
    subjects: tuple[Mapping[str, Any], ...]
    horizons: tuple[Mapping[str, Any], ...]
    panels: tuple[Mapping[str, Any], ...]
    audit: Mapping[str, Any] | None
    teachers: tuple[Teacher, ...]
    recipe: str

    @property
    def rows(self) -> int:
        """Published rows over all uses."""
        return sum(rows for _, rows in self.uses)


@dataclass(frozen=True, slots=True)
class Published:
    """Where a data set stands on a hub.

    Attributes:
        repo: `namespace/name`.
        url: Its page.
        tag: The version; empty where it has none.
        year: Of the citation.
        configs: Each configuration with its splits: name, files as a pattern, rows.
    """

    repo: str
    url: str
    tag: str
    year: int
    configs: tuple[tuple[str, tuple[tuple[str, str, int], ...]], ...]


class _Raw(str):
    """Text that goes into a card as it is."""


def write_card(plan: Plan, store: Store, report: Mapping[str, Any]) -> None:
    """Writes the card of a finished run."""
    store.write(CARD, card_text(facts_of(plan, store, report)).encode("utf-8", "replace"))


def facts_of(plan: Plan, store: Store, report: Mapping[str, Any]) -> CardFacts:
    """The facts about a run whose data is published; `report` is what `report.json` holds."""
    section = plan.recipe.card
    uses: dict[str, int] = {}
    for shard in read_manifest(store, DATA_MANIFEST):
        use = shard.path.split("/")[1]
        uses[use] = uses.get(use, 0) + shard.rows
    return CardFacts(
        plan.recipe.name,
        section.title or plan.recipe.name,
        section.description,
        section.license,
        section.languages,
        report["catena"],
        plan.identities["shards"],
        plan.recipe.seed,
        tuple(sorted(uses.items(), key=lambda one: (USES.index(one[0]) if one[0] in USES else len(USES), one[0]))),
        tuple(report["stages"]),
        tuple(report["subjects"]),
        tuple(report["horizons"]),
        tuple(report["panel"]),
        read_audit(plan, store),
        _teachers(plan),
        recipe_toml(plan.recipe),
    )


def card_text(facts: CardFacts, published: Published | None = None) -> str:
    """The card: YAML between `---` lines for the hub, then Markdown; the same facts give the same text."""
    configs = _configs(facts) if published is None else published.configs
    view = {
        "facts": facts,
        "published": published,
        "cited": _Raw("" if published is None else _bibtex(facts, published)),
        "front": _Raw(_front(facts, configs)),
        "uses": [
            (name, ", ".join(f"{rows:,} {split}" for split, _, rows in splits), _MEANING.get(name, "rows of this use"))
            for name, splits in configs
        ],
        "stages": [{**one, "gone": _gone(one)} for one in facts.stages],
        "recipe": _Raw(_fenced(facts.recipe)),
        "citation": _Raw(_key(facts.name)),
        "panels": [_panel(one) for one in facts.panels],
    }
    return _environment().get_template("card.md").render(view)


_MEANING = {
    "sft": "for supervised fine-tuning: a problem with a solution whose answer was checked",
    "rl": "for reinforcement learning: a problem with an answer that a program can check",
    "test": "set aside for evaluation; never train on these",
    "probe": "problems that cannot be answered as they stand, to see whether a model says so",
    "quarantine": "kept for study, not for training",
    "certificates": "of composed problems: the graph, the intermediate answers and what was checked about its links",
    "taxonomy": "the topics that rows were wanted for, with their quotas",
    "rejected": "rows that did not go on, with the stage and the reason; texts as they came, not for training",
}


_Configs = Sequence[tuple[str, tuple[tuple[str, str, int], ...]]]


def _configs(facts: CardFacts) -> _Configs:
    """The configurations of a run folder: one for each use."""
    return [(use, (("test" if use == "test" else "train", f"data/{use}/*.parquet", rows),)) for use, rows in facts.uses]


def _front(facts: CardFacts, configs: _Configs) -> str:
    """The YAML block; its values are JSON, which is YAML."""
    size = next((name for most, name in _SIZES if facts.rows < most), "n>100M")
    entries: list[tuple[str, Any]] = [
        ("license", facts.license),
        ("language", list(facts.languages)),
        ("pretty_name", " ".join(facts.title.split())),
        ("size_categories", [size]),
        ("task_categories", ["text-generation"]),
        ("tags", ["reasoning", "synthetic", "catena"]),
    ]
    lines = [f"{name}: {orjson.dumps(value).decode()}" for name, value in entries]
    for at, (name, splits) in enumerate(configs):
        files = [{"split": split, "path": pattern} for split, pattern, _ in splits]
        entry = {"config_name": name, "data_files": files, **({"default": True} if at == 0 else {})}
        lines += ["configs:"] if at == 0 else []
        lines.append(f"- {orjson.dumps(entry).decode()}")
    return "\n".join(lines)


def _bibtex(facts: CardFacts, published: Published) -> str:
    """How to cite the data set; its values are text of the recipe, so nothing in them may end the entry."""
    title = re.sub(r"[{}\\\s]+", " ", spelled_out(facts.title)).strip()[:_LONGEST]
    lines = [f"@misc{{{_key(facts.name)}-{published.year},", f"  title = {{{title}}},"]
    lines += [f"  year = {{{published.year}}},", f"  howpublished = {{\\url{{{published.url}}}}},"]
    version = f"{published.tag}, " if published.tag else ""
    lines += [f"  note = {{{version}data {facts.identity}, made with catena {facts.catena}}}", "}"]
    return "\n".join(lines)


def _gone(stage: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Rows that did not go on from a stage, with the cause."""
    failed = [(rows, f"failed: {cause}") for cause, rows in stage["failed"].items()]
    return [(rows, cause) for cause, rows in stage["filtered"].items()] + failed


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    voters = panel["voters"]
    return {
        **panel,
        "overall": [one for one in voters if one["subject"] is None],
        "by_subject": [one for one in voters if one["subject"] is not None],
        "calibrated": [one for one in panel["agreement"] if one["brier"] is not None],
    }


def _teachers(plan: Plan) -> tuple[Teacher, ...]:
    """Every model that the recipe asks, by id."""
    steps: dict[str, list[str]] = {}
    asked = [(step.asks(), _step(line.name, step)) for line in plan.recipe.pipeline for step in line.steps]
    if plan.recipe.grow is not None:
        asked.append((plan.recipe.grow.asks(), "grow"))
    for names, step in asked:
        for name in names:
            model = plan.recipe.models[name].model.rstrip("/")
            model = model.rpartition("/")[2] if model.startswith(("/", "~", ".")) else model
            own = steps.setdefault(model, [])
            own += [step] if step not in own else []
    return tuple(Teacher(model, tuple(own), licence_of(model)) for model, own in sorted(steps.items()))


def _step(line: str, step: Any) -> str:
    return f"{line}/{step.name if isinstance(step, AskStep) else step.do}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("catena.flows", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is Markdown: `finalize` escapes everything that is put in
        finalize=shown,
    )
    environment.filters.update(share=_share, rate=_rate, count=_count)
    return environment


def shown(value: object) -> str:
    """A value in Markdown: text on one line, cut, with nothing in it that means anything to Markdown or HTML or is not seen."""
    if isinstance(value, _Raw):
        return str(value)
    text = " ".join(spelled_out(str(value)).split())
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _LINKS.sub(lambda one: f"&#{ord(one[0])};", _SPECIAL.sub(_escaped, text))


def _escaped(one: "re.Match[str]") -> str:
    named = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return named.get(one[0], f"\\{one[0]}")


def _count(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _rate(one: Mapping[str, Any] | None) -> str:
    """A rate with its interval."""
    if one is None or not one["trials"]:
        return "–"
    return f"{_share(one['rate'])} ({_share(one['low'])} to {_share(one['high'])}, n = {one['trials']:,})"


def _fenced(text: str) -> str:
    """A block of code that its text cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}toml\n{spelled_out(text)}{mark}"


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


__all__: Sequence[str] = ["CARD", "CardFacts", "Published", "Teacher", "card_text", "facts_of", "shown", "write_card"]
