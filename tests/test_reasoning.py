import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.engines.reasoning import opens_reasoning, split_reasoning

PIECES = ["<think>", "</think>", "[THINK]", "[/THINK]", "```", "```py", "````", "`", "\n", " ", "2 + 2", "x = 4"]


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("<think>2 + 2</think>\n\n4", "4", "2 + 2"),
        ("[THINK]2 + 2[/THINK]4", "4", "2 + 2"),
        ("<seed:think>2 + 2</seed:think>4", "4", "2 + 2"),
        ("2 + 2\n</think>\n\n4", "4", "2 + 2"),
        ("<think>\n\n</think>\n\n4", "4", None),
        ("<think>a</think>12<think>b</think>34", "12\n\n34", "a\n\nb"),
        ("<think>a <think> b</think> c</think> d", "d", "a <think> b\n\nc"),
        ("<think>he writes `</think>` here</think>4", "4", "he writes `</think>` here"),
        ("<think>a</think>", "", "a"),
    ],
)
def test_what_stands_before_a_closing_tag_is_reasoning(text: str, answer: str, reasoning: str | None) -> None:
    assert split_reasoning(text, truncated=False) == (answer, reasoning)
    assert split_reasoning(text, truncated=True) == (answer, reasoning)


@pytest.mark.parametrize("truncated", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "  4 is less than <thinkers> think\n",
        "Write `<think>` before and `</think>` after.",
        "Use\n```xml\n<think>a</think>\n```\nand so on.",
        "Use\n~~~python\nreply.split('</think>')[-1]\n~~~\n",
        "````markdown\n```\n<think>\n```\n````",
    ],
)
def test_text_without_a_tag_in_use_is_left_as_it_came(text: str, truncated: bool) -> None:
    assert split_reasoning(text, truncated=truncated) == (text, None)


@pytest.mark.parametrize(
    "text", ["<think>2 + 2 is", "<think>a</think><think>2 + 2 is", "<think>\n```\n</think>\n```\nis"]
)
def test_a_block_that_was_cut_off_leaves_no_answer(text: str) -> None:
    answer, reasoning = split_reasoning(text, truncated=True)
    assert answer == ""
    assert reasoning
    assert reasoning.endswith("is")


def test_a_block_that_ends_unclosed_is_reasoning_only_at_the_start() -> None:
    assert split_reasoning("<think>2 + 2", truncated=False) == ("", "2 + 2")
    assert split_reasoning("The tag <think> opens.", truncated=False) == ("The tag <think> opens.", None)
    assert split_reasoning("4. <think>Was that", truncated=True) == ("4.", "Was that")


def test_a_closing_tag_inside_a_fence_is_code_of_the_reasoning() -> None:
    text = "<think>try\n```\n</think>\n```\nso</think>\n4"
    assert split_reasoning(text, truncated=False) == ("4", "try\n```\n</think>\n```\nso")


def test_a_fence_left_open_in_the_reasoning_does_not_swallow_the_answer() -> None:
    text = "<think>try\n```python\nx = 1\n</think>\nSo:\n```python\nx = 4\n```"
    assert split_reasoning(text, truncated=False) == ("So:\n```python\nx = 4\n```", "try\n```python\nx = 1")
    assert split_reasoning("try\n```\nx = 1\n</think>4", truncated=False) == ("4", "try\n```\nx = 1")


def test_an_opening_tag_in_code_that_was_cut_off_is_code() -> None:
    text = "```python\ntag = '<think>'\nend = '</think>'"
    assert split_reasoning(text, truncated=True) == (text, None)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.booleans())
def test_nothing_but_tags_and_space_is_lost(text: str, truncated: bool) -> None:
    answer, reasoning = split_reasoning(text, truncated=truncated)
    for word in ("2 + 2", "x = 4"):
        assert (answer + "\n" + (reasoning or "")).count(word) == text.count(word)


def test_many_tags_and_fences_are_read_in_linear_time() -> None:
    text = "<think>\n```x\n</think>\n```y\n~~~\n" * 20_000  # a quadratic reader would need minutes
    answer, reasoning = split_reasoning(text, truncated=False)
    assert len(answer) + len(reasoning or "") > 300_000


@pytest.mark.parametrize(
    ("prompt", "opened"),
    [
        ("<assistant><think>\n", True),
        ("<assistant><think>\n\n</think>\n\n", False),
        ("<think> is a tag. <assistant>", False),
    ],
)
def test_a_prompt_may_open_the_block(prompt: str, opened: bool) -> None:
    assert opens_reasoning(prompt) is opened
