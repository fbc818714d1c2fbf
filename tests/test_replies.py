"""Reading replies and rendering prompts: JSON of a schema or a reason, templates that cannot reach out."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.errors import RecipeError
from catena.generators.problems import read_problem
from catena.prompts import Prompt, fence
from catena.replies import MalformedReply, json_reader
from tests.scripted import said

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["yes", "no"]}, "score": {"type": "integer"}},
    "required": ["verdict"],
    "additionalProperties": False,
}
read = json_reader(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": "yes"}',
        '```json\n{"verdict": "yes"}\n```',
        'Here it is:\n{"verdict": "yes"}\nAnything else?',
    ],
)
def test_json_is_found_inside_fences_and_prose(text: str) -> None:
    assert read(said(text)) == {"verdict": "yes"}


@pytest.mark.parametrize(
    "text",
    ["", "yes", '{"verdict": "maybe"}', '{"verdict": "yes", "x": 1}', "[1]", '{"verdict"', '{"verdict": "yes"} {"a"}'],
)
def test_what_is_not_of_the_schema_is_malformed(text: str) -> None:
    with pytest.raises(MalformedReply):
        read(said(text))


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(MalformedReply):
        read(said(text))


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(RecipeError, match="not a JSON schema"):
        json_reader({"type": "objekt"})


@pytest.mark.parametrize(
    ("kind", "value", "sound"),
    [
        ("integer", "42", True),
        ("integer", "forty-two apples", False),
        ("rational", "3/4", True),
        ("boolean", "true", True),
    ],
)
def test_an_answer_must_be_readable_as_the_type_it_claims(kind: str, value: str, sound: bool) -> None:
    text = f'{{"design": "d", "statement": "s", "answer_type": "{kind}", "answer": "{value}", "unit": null}}'
    if sound:
        assert read_problem(said(text))[1].value == value
    else:
        with pytest.raises(MalformedReply, match="cannot be read as"):
            read_problem(said(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ topic.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ missing }}",
        "{% for i in range(10**9) %}x{% endfor %}",
    ],
)
def test_a_template_cannot_reach_out_of_its_sandbox(text: str) -> None:
    with pytest.raises(RecipeError):
        Prompt(text).render({"topic": "algebra"})


def test_a_prompt_is_named_by_its_text() -> None:
    assert Prompt("a {{ b }}").version == Prompt("a {{ b }}\n").version
    assert Prompt("a {{ b }}").version != Prompt("a {{ b }}.").version


@given(st.text(), st.integers())
def test_fenced_text_does_not_hold_its_own_mark(text: str, seed: int) -> None:
    first, *middle, last = fence(text, seed).split("\n")
    mark = first.removeprefix("[begin ").removesuffix("]")
    assert last == f"[end {mark}]"
    assert mark not in "\n".join(middle)
