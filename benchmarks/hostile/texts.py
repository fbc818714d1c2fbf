"""Hostile and ordinary answers, each with a gold to compare it with; equal seeds give equal texts."""

from collections.abc import Callable, Iterator
from random import Random

from catena.records import Answer

GOLDS = (
    Answer("integer", "70"),
    Answer("rational", "3/4"),
    Answer("real", "2.5", "km", 0.01),
    Answer("expression", "x^2+2x+1"),
    Answer("set", "{1, 2}"),
    Answer("sequence", "(1, 2, 3)"),
    Answer("interval", "[0, 1)"),
    Answer("choice", "B"),
    Answer("string", "carbon dioxide"),
    Answer("boolean", "true"),
)
NUMBERS = GOLDS[:3]


def _exponents(draw: Random, canary: str) -> str:
    big = "9" * draw.randint(1, 12)
    forms = (
        f"{big}^{{{big}}}", f"{big}**{big}**{big}", f"10^{{10^{{{big}}}}}", f"1e{big}", f"x^{{{big}}}", f"2^2^2^2^2^{big}",
        rf"\sqrt[{big}]{{{big}}}", f"1e-{big}", f"{big}!", f"({big}!)!", rf"\binom{{{big}}}{{{big[:-1] or 7}}}",
    )  # fmt: skip
    return draw.choice(forms)


def _brackets(draw: Random, canary: str) -> str:
    depth = draw.choice((10, 60, 300, 3_000, 9_000))
    left, right = draw.choice(("()", "[]", "{}", "({"))
    kinds = (left * depth + "1" + right * depth, left * depth, right * depth + left * depth, f"{left}1,{right}" * depth)
    return draw.choice(kinds)


def _latex(draw: Random, canary: str) -> str:
    depth = draw.choice((5, 40, 200, 1_500))
    pieces = (
        (r"\frac{1}{", "}"),
        (r"\sqrt{", "}"),
        (r"\left(", r"\right)"),
        ("x^{", "}"),
        (r"\sin{", "}"),
        (r"\boxed{", "}"),
    )
    opening, closing = draw.choice(pieces)
    return opening * depth + "2" + closing * (depth - draw.randint(0, 1))


def _bombs(draw: Random, canary: str) -> str:
    number = draw.choice((50, 500, 5_000, 99_999_999))
    forms = (
        f"(x+1)^{{{number}}}-(x-1)^{{{number}}}", f"(a+b+c+d+e)^{{{number}}}", f"x^{{x^{{x^{{{number}}}}}}}", f"{number}!/{number - 1}!",
        rf"\sin({number}!)", "+".join(f"x^{{{power}}}" for power in range(min(number, 600))), rf"\log_{{{number}}}({number}^{{{number}}})",
        rf"\begin{{pmatrix}}{'&'.join('9' * 20 for _ in range(min(number, 300)))}\end{{pmatrix}}", "*".join(["(x+y)"] * min(number, 400)),
        rf"\int_0^1 x^{{{number}}} dx", rf"\sum_{{i=1}}^{{{number}}} i", "x" * min(number, 2_000), rf"\binom{{{number}}}{{{number // 2}}}",
        rf"\tan(10^{{{number}}})", f"0^{{-{number}}}", rf"\frac{{x}}{{0^{{{number}}}}}", "1" + "/0" * min(number, 300), "i^i^i^i^i",
    )  # fmt: skip
    return draw.choice(forms)


def _code(draw: Random, canary: str) -> str:
    run = f"open({canary!r}, 'w')"
    forms = (
        f"__import__('os').system('touch {canary}')", f"eval(\"{run}\")", run, f"exec({run!r})", f"(lambda: {run})()", f"[{run} for _ in [0]]",
        f"sympify(\"{run}\")", f"().__class__.__bases__[0].__subclasses__()[{draw.randint(80, 400)}]({canary!r})", f"x + {run}", f"{{{run}, 2}}",
        f"; touch {canary} #", f"$(touch {canary})", f"`touch {canary}`", f"import os\nos.system('touch {canary}')", f"@{run}", f"{run} km",
        f"Symbol('x').__init__.__globals__['__builtins__']['open']({canary!r}, 'w')", f"<script>{run}</script>", f"70 if {run} else 70",
    )  # fmt: skip
    return draw.choice(forms)


def _formats(draw: Random, canary: str) -> str:
    forms = (
        "%n%n%s%s", "{0.__class__.__mro__}", "${7*7}", "{{7*7}}", "{% import os %}", "%(a)s" * 50, "{:>99999999}", f"{{!r:{'9' * 9}}}",
        rf"\input{{{canary}}}", rf"\immediate\write18{{touch {canary}}}", r"\def\x{\x\x}\x", r"\loop\iftrue\repeat", rf"\openout1={canary}",
        "../../etc/passwd", "file:///etc/passwd", "\x00\x01\x02", "\\" * draw.randint(1, 5_000), "\"'" * draw.randint(1, 3_000), "null", "NaN", "-0",
        "Infinity", "1_000_000", "0x" + "f" * draw.randint(1, 300), "0b1", "1j", "True or 1", '{"answer": 70}', "<answer><answer>70", "1e", "e",
    )  # fmt: skip
    return draw.choice(forms)


def _unicode(draw: Random, canary: str) -> str:
    parts = (
        "\u202e07",
        "７０",
        "७०",
        "٧٠",
        "𝟕𝟎",
        "7\u200b0",
        "⁷⁰",
        "½" * 200,
        "a\u0301" * 900,
        "\ud800",
        "\U000e0037",
        "𓀀" * 400,
        "Ⅶ",
        "㊿",
        "7\u03360",
        "∞",
        "−",
        "\ufeff70",
        "ﷺ" * 300,
        "🤖",
    )
    return "".join(draw.choice(parts) for _ in range(draw.randint(1, 4)))


def _long(draw: Random, canary: str) -> str:
    length = draw.choice((1_000, 10_000, 100_000))
    digit = draw.choice("123456789")
    forms = (
        digit * length, f"0.{digit * length}", f"{digit * length}/{digit * length}7", f"{digit},{'000,' * (length // 4)}000", "-" * length, " " * length,
        "1 " * (length // 2), "{" + ",".join(map(str, range(length // 6))) + "}", "1," * (length // 2), "x" * length, "1+" * (length // 2) + "1",
        "\n" * length + "70", "$" * length, "answer: " * (length // 8), "[0," * (length // 3), "9" * length + "%", "(1, " * (length // 4), "\\frac" * (length // 5),
    )  # fmt: skip
    return draw.choice(forms)


FAMILIES: dict[str, Callable[[Random, str], str]] = {
    "exponents": _exponents, "brackets": _brackets, "LaTeX": _latex, "algebra": _bombs, "code": _code, "formats": _formats, "Unicode": _unicode, "long": _long,
}  # fmt: skip


def hostile(number: int, canary: str, seed: int = 1) -> Iterator[tuple[str, Answer, str]]:
    """Family, gold and reply, `number` of them; what executes one of them creates the file `canary`."""
    draw = Random(f"{seed}/hostile")
    families = list(FAMILIES.items())
    for index in range(number):
        family, write = families[index % len(families)]
        text = write(draw, canary)
        wrapped = (f"<answer>{text}</answer>", rf"so \boxed{{{text}}}", f"The answer is {text}", f"#### {text}")
        yield family, draw.choice(GOLDS), draw.choice(wrapped)


def ordinary(number: int, seed: int = 1) -> Iterator[tuple[str, Answer, str]]:
    """Answers as solutions end in them: `plain` ones are decided in the process, `algebra` in a worker."""
    draw = Random(f"{seed}/ordinary")
    for index in range(number):
        value, right = draw.randint(2, 9_999), draw.random() < 0.6
        said = value if right else value + draw.randint(1, 9)
        if index % 20 == 19:
            yield "algebra", Answer("expression", f"(x+{value})^2"), f"<answer>x^2+{2 * said}x+{value * value}</answer>"
            continue
        forms = (
            (Answer("integer", str(value)), f"{said:,}"), (Answer("rational", f"{value}/7"), rf"\frac{{{said}}}{{7}}"), (Answer("integer", str(value)), f"${said}"),
            (Answer("real", str(value / 8), "km", 0.01), f"{said / 8} km"), (Answer("set", f"{{1, {value}}}"), rf"\{{{said}, 1\}}"), (Answer("choice", "B"), "(B)" if right else "C"),
            (Answer("rational", f"{value}/100"), f"{said}%"), (Answer("interval", f"[0, {value})"), rf"[0, {said})"), (Answer("boolean", "true"), "Yes" if right else "no"),
        )  # fmt: skip
        gold, text = draw.choice(forms)
        reasoning = f"First we add {value} and 3. Then we divide. " * 8
        yield (
            "plain",
            gold,
            f"{reasoning}\n{draw.choice(('<answer>{}</answer>', 'The answer is {}.', '#### {}')).format(text)}",
        )
