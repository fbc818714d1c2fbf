import pytest

from catena.engines.base import Completion, Usage
from catena.engines.local import Tags, build_completion, one_line, revision_of
from catena.engines.models import ModelSpec

THINK, END = 900, 901
TAGS = Tags(frozenset({THINK}), frozenset({END}), lambda text: list(text.encode()))


def frame(tokens: int, finish_reason: str = "stop") -> Completion:
    return Completion("", None, finish_reason, Usage(5, tokens, 0, 2), "tiny 1", 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tokens", "prompt", "answer", "reasoning", "count"),
    [
        ("<think>abc</think>4", [THINK, 1, 2, END, 3], "", "4", "abc", 2),
        ("abc</think>4", [1, 2, END, 3], "hi<think>\n", "4", "abc", 2),
        ("abc</think>4", [1, 2, END, 3], "hi", "4", "abc", 2),
        ("<think>a</think>4<think>b</think>", [THINK, 1, END, 2, THINK, 3, END], "", "4", "a\n\nb", 4),
        ("<think>abc</think>4", [1, 2], "", "4", "abc", 2),
        ("4", [1], "hi", "4", None, 0),
        ('{"a": "</think>"}', [1, END, 2], None, '{"a": "</think>"}', None, 0),
    ],
)
def test_reasoning_is_told_apart_and_counted(
    text: str, tokens: list[int], prompt: str | None, answer: str, reasoning: str | None, count: int
) -> None:
    found = build_completion(text, tokens, prompt, TAGS, frame(len(tokens)))
    assert (found.text, found.reasoning, found.usage) == (answer, reasoning, Usage(5, len(tokens), count, 2))
    assert (found.revision, found.latency_s) == ("tiny 1", 0.5)


def test_an_answer_cut_off_in_its_reasoning_is_all_reasoning() -> None:
    found = build_completion("abc", [1, 2, 3], "hi<think>", TAGS, frame(3, "length"))
    assert (found.text, found.reasoning, found.usage.reasoning_tokens) == ("", "abc", 3)


def test_a_tag_of_several_tokens_is_no_tag_token() -> None:
    tags = Tags.of(lambda text: [THINK] if text == "<think>" else list(text.encode()))
    assert (tags.opening, tags.closing) == ({THINK}, set())


def test_a_revision_names_what_is_known() -> None:
    asked = ModelSpec("m", "org/model", "vllm", revision="main")
    assert revision_of(asked, "9c92", "vllm 0.30.0") == "org/model@9c92 vllm 0.30.0"
    assert revision_of(asked, None, "vllm 0.30.0") == "org/model@main vllm 0.30.0"
    assert revision_of(ModelSpec("m", "org/model", "vllm"), None) == "org/model"


def test_what_a_library_says_is_one_line() -> None:
    assert one_line("a\n  b" + "c" * 1000) == "a b" + "c" * 497
    assert one_line(KeyError()) == "KeyError"
