"""How a solution is asked for: its style, its language, its length in words.

- `plain`: the bare problem, as ever.
- `interleaved`: thoughts and intermediate answers take turns (arXiv 2505.19640), as `<step>thoughts <answer>...</answer></step>`. There
  are no think tags in it, since servers and engines take those for reasoning and move what they hold to the front.
- `plan`: a numbered plan, then the solution.
- `program`: program-aided; the program is text like the rest and is never run.

Whatever the style, the final answer is that of the last `<answer>` (`catena.answer_parsing`). Two more styles are not asked for
here: `correction` (`catena.generators.corrections`) and `abstention` (`catena.generators.twins`).
"""

import re
from hashlib import blake2b
from typing import Literal, get_args

from catena.prompts import Prompt
from catena.samples import REQUEST

Style = Literal["plain", "interleaved", "plan", "program"]
STYLES: tuple[Style, ...] = get_args(Style)

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "ms": "Malay", "mt": "Maltese", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""Names of languages by their ISO 639-1 code."""

_NAME = re.compile(r"[^\W\d_]{3,}(?:[ ()-]+[^\W\d_]+\)?){0,4}")


def request(style: Style = "plain", language: str = "", budget: int | None = None) -> str:
    """What follows the statement in a solver's prompt.

    Args:
        language: Code or name; empty leaves it to the model.
        budget: Words asked for; None says nothing about length.
    """
    parts = [prompt.render(values) for prompt, values in _parts(style, language, budget)]
    return "".join(f"\n\n{part}" for part in parts) + REQUEST


def version(style: Style, languages: tuple[str, ...] = (), budget: int | None = None) -> str:
    """A hash of the prompt texts that such requests use; empty where they use none."""
    used = [prompt.version for prompt, _ in _parts(style, languages[0] if languages else "", budget)]
    return blake2b("/".join(used).encode(), digest_size=6).hexdigest() if used else ""


def language_name(language: str) -> str:
    """The English name of a language given by its code, or the name that was given.

    Raises:
        ValueError: It is neither.
    """
    name = LANGUAGES.get(language.casefold()) or (
        language if _NAME.fullmatch(language) and len(language) <= 60 else None
    )
    if name is None:
        raise ValueError(f"language {language!r} is neither a known ISO 639-1 code nor a name; write 'de' or 'German'")
    return name


def intermediate_answers(text: str) -> list[str]:
    """The answers of an interleaved solution before its final one, in order; empty where there is one answer or none."""
    parts = (part.partition("</answer>") for part in text.split("<answer>")[1:])
    return [answer.strip() for answer, closing, _ in parts if closing][:-1]


def _parts(style: Style, language: str, budget: int | None) -> list[tuple[Prompt, dict[str, object]]]:
    parts: list[tuple[Prompt, dict[str, object]]] = []
    if style != "plain":
        parts.append((_prompt(style), {}))
    if language:
        parts.append((_prompt("language"), {"language": language_name(language)}))
    if budget is not None:
        parts.append((_prompt("budget"), {"budget": budget}))
    return parts


def _prompt(name: str) -> Prompt:
    return Prompt.shipped(__file__, f"solve-{name}")
