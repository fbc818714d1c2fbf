"""`catena check`: whether a recipe's models can be asked what it will ask them, for one cheap request each."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from catena.engines.base import Completion, JsonSchema, Request, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.errors import EngineError, RunStopped, UserError
from catena.flows.recipe import Recipe
from catena.flows.run import check_sources, plan_for
from catena.flows.steps import schema_of_step
from catena.records import Turn
from catena.replies import MalformedReply, json_reader
from catena.taxonomy.grow import REVIEW, topics_schema

_TOKENS = 256
_TRIES, _PATIENCE_S, _TIMEOUT_S = 2, 10.0, 60.0


def check(recipe: str, run_folder: str | None, overrides: dict[str, str]) -> int:
    """Prints one line for each model; exit code 1 where one of them cannot be used."""
    plan = plan_for(recipe, run_folder, overrides)
    check_sources(plan)
    if not plan.asks_models:
        print(f"{plan.recipe.name}: the recipe is sound; it asks no model")
        return 0
    asked = list(questions(plan.recipe))
    results = asyncio.run(_ask_all(asked))
    for (spec, schema), (sound, words) in zip(asked, results, strict=True):
        named = f" with schema {schema.name!r}" if schema is not None else ""
        print(f"  {'ok ' if sound else 'NO '} {spec.name} ({spec.model}){named}: {words}")
    good = all(sound for sound, _ in results)
    print(f"{plan.recipe.name}: " + ("every model can be asked" if good else "mend the lines marked NO before a run"))
    return 0 if good else 1


def questions(recipe: Recipe) -> Iterator[tuple[ModelSpec, JsonSchema | None]]:
    """Each model that a step asks, with the first schema that it will be held to.

    Raises:
        RecipeError: A schema is no JSON schema.
    """
    schemas: dict[str, JsonSchema | None] = {}
    for step in (step for line in recipe.pipeline for step in line.steps):
        for name in step.asks():
            schema = schema_of_step(step, name)
            if schema is not None:
                json_reader(schema.schema)
            schemas[name] = schemas.get(name) or schema
    if recipe.grow is not None:
        schemas |= {name: schemas.get(name) or topics_schema(4) for name in recipe.grow.models}
        if recipe.grow.critic is not None:
            schemas[recipe.grow.critic] = schemas.get(recipe.grow.critic) or REVIEW
    for name, schema in schemas.items():
        spec = recipe.models[name].spec(name)
        hurried = replace(
            spec, tries=_TRIES, patience_s=min(spec.patience_s, _PATIENCE_S), timeout_s=min(spec.timeout_s, _TIMEOUT_S)
        )
        yield hurried, schema


async def _ask_all(asked: list[tuple[ModelSpec, JsonSchema | None]]) -> list[tuple[bool, str]]:
    return [await _ask(spec, schema) for spec, schema in asked]


async def _ask(spec: ModelSpec, schema: JsonSchema | None) -> tuple[bool, str]:
    words = "Reply with the shortest JSON object that the schema allows." if schema else "Reply with the word ready."
    request = Request(spec.model, (Turn("user", words),), Sampling(max_tokens=_TOKENS), schema, revision=spec.revision)
    try:
        engine = open_engine(spec)
    except UserError as error:
        return False, str(error)
    try:
        return _verdict(await engine.complete(request), schema)
    except (EngineError, RunStopped, UserError) as error:
        return False, str(error)
    finally:
        await engine.close()


def _verdict(completion: Completion, schema: JsonSchema | None) -> tuple[bool, str]:
    usage = completion.usage
    words = f"answered in {completion.latency_s:.2f} s, {usage.prompt_tokens} + {usage.completion_tokens} tokens"
    if completion.finish_reason == "length":
        return True, f"{words}; cut at {_TOKENS} tokens, so its form was not looked at"
    if schema is not None:
        try:
            json_reader(schema.schema)(completion)
        except MalformedReply as error:
            return (
                False,
                f"the server does not keep to the schema ({error}); set options.structured to what it understands",
            )
    return True, words
