"""Random instances of JSON schemas, and texts that match a pattern."""

import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.instances import NoInstance, accepts, instance
from catena.engines.rehearsal.patterns import UnknownPattern, text_matching

NAMES = st.sampled_from(["name", "steps", "score", "child", "a/b", "x~y"])
SCALARS = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        lambda low, width: {"type": "integer", "minimum": low, "maximum": low + width},
        st.integers(-50, 50),
        st.integers(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low, "maximum": low + 0.5}, st.integers(-5, 5)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step, "exclusiveMinimum": 0}, st.integers(1, 7)),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(0, 40),
        st.integers(0, 9),
    ),
    st.sampled_from(["^[A-Z]{2}-[0-9]+$", "^(yes|no)$", r"\d{4}-\d{2}"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
    st.lists(st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=3), st.none()), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=3)).map(lambda value: {"const": value}),
    st.lists(st.sampled_from(["string", "integer", "null"]), min_size=1, unique=True).map(
        lambda kinds: {"type": kinds}
    ),
    st.sampled_from([{"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/tree"}]),
)


def objects(parts):
    def build(properties, required, closed):
        names = [name for name in properties if name in required]
        return {"type": "object", "properties": properties, "required": names, "additionalProperties": not closed}

    return st.builds(build, st.dictionaries(NAMES, parts, max_size=4), st.sets(NAMES), st.booleans())


def arrays(parts):
    return st.builds(
        lambda items, least, more: {"type": "array", "items": items, "minItems": least, "maxItems": least + more},
        parts,
        st.integers(0, 3),
        st.integers(0, 2),
    )


SCHEMAS = st.recursive(
    SCALARS,
    lambda parts: st.one_of(
        objects(parts), arrays(parts), st.lists(parts, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    ),
    max_leaves=8,
).map(
    lambda schema: {
        "allOf": [schema],
        "$defs": {
            "leaf": {"type": "string", "enum": ["a", "b"]},
            "tree": {
                "type": "object",
                "properties": {
                    "value": {"$ref": "#/$defs/leaf"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                },
                "required": ["value", "children"],
                "additionalProperties": False,
            },
        },
    }
)


@settings(max_examples=200, deadline=None)
@given(schema=SCHEMAS, key=st.binary(min_size=4, max_size=4))
def test_an_instance_is_valid_and_the_same_for_the_same_key(schema, key):
    made = instance(schema, key)
    jsonschema.validate(made, schema, jsonschema.Draft202012Validator)
    assert instance(schema, key) == made


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
        {"type": ["integer", "string"], "not": {"type": "string"}},
        {"allOf": [{"properties": {"x": {"minimum": 5}}, "required": ["x"]}, {"properties": {"x": {"type": "integer", "maximum": 6}}}]},
        {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
        {"type": "array", "prefixItems": [{"const": 1}, {"const": "b"}], "items": False, "minItems": 2},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"const": 1}], "minItems": 1},
        {"if": {"type": "integer"}, "then": {"minimum": 10}, "type": "integer", "minimum": 0, "maximum": 12},
        True,
        {},
    ],
)  # fmt: skip
def test_keywords_that_forbid_or_combine_are_met(schema):
    made = [instance(schema, b"%d" % number) for number in range(20)]
    for value in made:
        jsonschema.validate(value, schema)
        assert accepts(schema, value)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (False, "false accepts nothing"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "exclude each other"),
        ({"$ref": "#/nowhere"}, "not a JSON schema"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "leads out of the schema"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "without an end"),
        ({"$ref": "#/a", "a": {"$ref": "#/a"}}, "circle"),
        ({"type": "nothing"}, "not a JSON schema"),
        ({"enum": []}, "cannot be read"),
        ({"type": "array", "minItems": 10**9}, "too many items"),
        ({"type": "object", "minProperties": 10**9}, "too many properties"),
        ({"type": "string", "minLength": 10**9}, "too long"),
        ({"type": "string", "pattern": "(?=x)y"}, "not covered"),
    ],
)
def test_a_schema_without_an_instance_is_said_to_have_none(schema, words):
    with pytest.raises(NoInstance, match=words):
        instance(schema, b"key")


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}\d{2,}$", r"^(foo|ba[rz])+\.(?:a|b)?$", r"^[^a-z\s]{5}$", r"[\w.+-]+@[\w-]+\.[a-z]{2,}", r"^\S+ \S$",
        r"^a{2,3}?b*$", r"^(?P<year>\d{4})-(\d\d)$", r"^[\]\-x]+$", r"^[-a]+$", r"^\$[0-9]\t$", "", r"^.{3}$", r"^x{,2}$",
    ],
)  # fmt: skip
def test_a_text_for_a_pattern_matches_it(pattern):
    for number in range(100):
        text = text_matching(pattern, Draws(b"%d" % number, b"test"))
        assert re.search(pattern, text), text


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a",
        "a)",
        "*a",
        r"\1",
        r"\bword",
        "a{3,2}",
        "(?!a)b",
        "[z-a]",
        "(" * 80 + ")" * 80,
        "((a{99}){99}){99}",
        "\\",
    ],
)
def test_a_pattern_that_is_none_or_not_covered_is_refused(pattern):
    with pytest.raises(UnknownPattern):
        text_matching(pattern, Draws(b"key", b"test"))
