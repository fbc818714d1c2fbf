"""Answer equality, as a table of pairs with near misses, and the properties that must hold for every answer."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.answers import compare, compare_many, infer_kind, parse, printed
from catena.records import ANSWER_KINDS, Answer

# gold, answer text inside the tag, and whether they are equal; the kind is inferred from the gold
TAGGED = [
    # integers
    ("0", "0", True), ("0", "-0", True), ("0", "1", False), ("5", "+5", True), ("5", "5.0", True),
    ("5", "5.", True), ("5", "05", True), ("-5", "-5", True), ("-5", "−5", True), ("-5", "–5", True), ("-5", "5", False),
    ("5", "５", True), ("1234", "1,234", True), ("1234", "1 234", True), ("1234", "1\u2009234", True),
    ("1234", "1{,}234", True), ("123", "1,23", False), ("1234567", "1,234,567", True), ("1234567", "1,234567", False),
    ("1000000", "1e6", True), ("1000000", "10^6", True), ("1000000", "10^{6}", True), ("1000000", "1 million", True),
    ("100000", "1e6", False), ("1024", "2^{10}", True), ("5", "5 million", False), ("24", "2 dozen", True),
    ("5", "$5$", True), ("5", r"\boxed{5}", True), ("5", "The answer is 5 apples.", True), ("5", "x = 5", True),
    ("5", "x=5.", True), ("5", "**5**", True), ("5", "`5`", True), ("5", r"\(5\)", True), ("5", r"\text{5}", True),
    ("5", r"5 \text{ apples}", True), ("18", "18 dollars", True), ("18", r"\$18", True), ("18", "$18", True),
    ("18", "$18.00", True), ("-18", "-$18", True), ("5", "5 km", True), ("5", "(5)", True), ("5", "$5$ apples", True),
    ("5", "5 or 6", False), ("5", "5, 6", False), ("5", "5 and 6", False), ("12", "12 or 13", False), ("5", "5 6", False),
    ("5", "5-6", False), ("5", "between 5 and 6", False), ("5", "5 maybe", False), ("5", "5 minus 1", False),
    ("5", "5 apples left or 6 apples left", False), ("5", "5x", False), ("5", r"5\pi", False), ("5", "5!", False),
    ("5", "5 squared", False), ("5", "5i", False), ("5", "five", False), ("5", "{5}", False), ("5", "5/2", False),
    ("3", "3.0000001", False), ("3", "2+1", False), ("3", "nan", False), ("3", "inf", False), ("3", "1e999999999", False),
    ("5", "5 m-6 m", False), ("5", "5 ± 1", False), ("5", "5 in 6", False), ("5", "≈5", True), ("5", "not 5", False),
    # rationals
    ("1/2", "0.5", True), ("1/2", ".5", True), ("1/2", "½", True), ("3/2", "1½", True), ("3/2", "1 1/2", True),
    ("3/2", r"1\frac{1}{2}", True), ("-3/2", "-1 1/2", True), ("11/2", "1 1/2", False), ("2/4", "1/2", True),
    ("3/4", r"\frac{3}{4}", True), ("3/4", r"\tfrac{3}{4}", True), ("3/4", r"\dfrac34", True), ("-3/4", r"-\frac{3}{4}", True),
    ("-3/4", r"\frac{-3}{4}", True), ("3/4", r"\frac{4}{3}", False), ("3/4", r"-\frac{3}{4}", False), ("1/3", "0.333", False),
    ("1/3", "0.3333333333333333", False), ("1/2", "1/0", False), ("0.0012", "1.2e-3", True), ("0.0012", "1.2E-3", True),
    ("0.0012", r"1.2 \times 10^{-3}", True), ("0.0012", "1.2×10^-3", True), ("0.0012", "1.2×10⁻³", True),
    ("0.0012", "1.2 x 10^-3", True), ("0.0012", "1.2 * 10**-3", True), ("0.0012", "1.2e3", False), ("1234.5", "$1,234.50", True),
    ("$1,234.50", "1234.5 dollars", True), ("$1,234.50", "1234.51", False), ("0.1", "0.10", True), ("0.1", "0.11", False),
    # percent
    ("0.5", "50%", True), ("1/2", r"50\%", True), ("0.5", "0.5%", False), ("5", "5%", True), ("5", "5 percent", True),
    ("5", "500%", True), ("50%", "50", True), ("50%", "0.5", True), ("50%", "1/2", True), ("50%", "5%", False),
    ("50%", "50 per cent", True), ("1", "1%", False), ("0.05", "5", False), ("5%", "0.05", True), ("5%", "5.0%", True),
    # reals and units
    ("5 km", "5000 m", True), ("5 km", "5 km", True), ("5 km", "5km", True), ("5 km", "5", True), ("5 km", "5 Kilometers", True),
    ("5 km", "5 m", False), ("5 km", "5 s", False), ("5 km", "5.001 km", True), ("5 km", "5.1 km", False),
    ("9.8 m/s^2", "9.8 m s^-2", True), ("9.8 m/s^2", r"9.8\,\mathrm{m}/\mathrm{s}^2", True), ("9.8 m/s^2", "9.8 m/s²", True),
    ("9.8 m/s^2", "9.8 m/s", False), ("20 °C", "293.15 K", True), ("20 °C", "68 °F", True), ("20 °C", "20 K", False),
    ("20 °C", "20 degrees Celsius", True), ("293.15 K", "20 °C", True), ("20 °C", r"20^\circ\text{C}", True),
    ("90°", r"90^\circ", True), ("90°", "90 degrees", True), ("5 apples", "5 Apples", True), ("5 apples", "5 apple", True),
    ("5 apples", "5 oranges", False), ("5 apples", "6 apples", False), ("5 apples", "5 apples left", True), ("5 mg", "5 Mg", False),
    ("2 hours", "120 minutes", True), ("2 hours", "120 min", True), ("3.14 ± 0.01", "3.145", True), ("3.14 ± 0.01", "3.16", False),
    # expressions
    ("2*x+1", "1+2x", True), ("2*x+1", "2x-1", False), ("2*x+1", "2y+1", False), (r"2\sqrt{2}", r"\sqrt{8}", True),
    (r"2\sqrt{2}", "2*sqrt(2)", True), (r"2\sqrt{2}", r"2\sqrt{3}", False), (r"2\sqrt{2}", "2√2", True),
    ("x^2+2x+1", "(x+1)^2", True), ("x^2+2x+1", "(x+1)**2", True), ("x^2+2x+1", "(x-1)^2", False), ("x^2+2x+1", "x²+2x+1", True),
    (r"\frac{\pi}{2}", "pi/2", True), (r"\frac{\pi}{2}", r"\frac{1}{2}\pi", True), (r"\frac{\pi}{2}", "1.5707963", False),
    (r"\frac{\pi}{2}", "π/2", True), (r"\sin^2 x", r"1-\cos^2 x", True), (r"\sin 2x", r"2\sin x\cos x", True),
    (r"\ln(x^2 y)", r"\ln(y x^2)", True), ("e^{2x}", r"\exp(2x)", True), ("y = 2x+1", "2x+1", True), ("x^2+1", "x^2+1 or x^2+2", False),
    (r"\log_2 8", "3", True), ("5!", "120", True), ("x^2+y^2=4", "y^2+x^2=4", True), ("x^2+y^2=4", "y^2+x^2=5", False),
    (r"\sqrt{2}", "1.41421356", False), ("x+1", "x+1.0000000001", False), ("x + 1", "x, 1", False), ("|x-1|", "|1-x|", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1 & 2\\ 3 & 4\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}", False),
    # sets
    ("{1,2}", "{2, 1}", True), ("{1,2}", r"\{1,2\}", True), ("{1,2}", r"\left\{1, 2\right\}", True), ("{1,2}", "1, 2", True),
    ("{1,2}", "x = 1 or x = 2", True), ("{1,2}", "{1,2,3}", False), ("{1,2}", "{1}", False), ("{1,2}", "{1,1,2}", True),
    ("{1/2, 3}", "{3, 0.5}", True), (r"{1, 2\sqrt{2}}", r"{\sqrt{8}, 1}", True), (r"{1, 2\sqrt{2}}", r"{\sqrt{7}, 1}", False),
    ("{}", r"\emptyset", True), ("{1,2}", "[1,2]", False), ("{red, green}", "{Green, Red}", True),
    # intervals
    ("[0, 1)", "[0,1)", True), ("[0, 1)", "[0,1]", False), ("[0, 1)", "(0,1)", False), (r"(-\infty, 3]", "(-oo, 3]", True),
    (r"(-\infty, 3]", "(-∞, 3]", True), (r"(-\infty, 3]", "(-inf, 3)", False), ("[0, 1/2)", "[0, 0.5)", True),
    (r"[0,1) \cup (2,3]", r"(2,3] ∪ [0,1)", True), (r"[0,1) \cup [1,3]", "[0, 3]", True), (r"[0,1) \cup (1,3]", "[0, 3]", False),
    (r"x \in [0,1)", "[0, 1)", True), (r"[0, 2\sqrt{2})", r"[0, \sqrt{8})", True), (r"[0, 2\sqrt{2})", r"[0, \sqrt{8}]", False),
    # sequences
    ("(1, 2, 3)", "[1,2,3]", True), ("(1, 2, 3)", "1, 2, 3", True), ("(1, 2, 3)", "3, 2, 1", False), ("(1, 2, 3)", "(1, 2)", False),
    ("[1, 2, 3]", "(1, 2, 3.0)", True), ("(1, 2)", "(1,2)", True), ("(1, 2)", "[1, 2)", False), ("(a, b)", "(a, b)", True),
    (r"(1, 2\sqrt{2})", r"(1, \sqrt{8})", True), ("(1, (2, 3))", "(1, (2, 3))", True), ("(1, (2, 3))", "(1, 2, 3)", False),
    # choices, booleans, strings
    ("B", "(B)", True), ("B", "b", True), ("B", "B.", True), ("B", "B) a long text", True), ("B", "option B", True),
    ("B", r"\textbf{(B)}", True), ("B", "A", False), ("B", "A) or B)", False), ("B", "B or C", False), ("(B)", "B", True),
    ("B", "Because", False), ("true", "True", True), ("yes", "true", True), ("no", "No.", True), ("true", "false", False),
    ("true", "not true", False), ("Paris", "paris", True), ("Paris", '"Paris".', True), ("New  York", "new york", True),
    ("Paris", "London", False), ("Paris", "Paris or London", False), ("Paris", r"\text{Paris}", True),
]  # fmt: skip

# gold, whole reply, verdict, rule
REPLIES = [
    ("5", "", "unparsed", "none"), ("5", "   \n", "unparsed", "none"), ("5", "5", "equal", "bare"), ("5", " x = 5 ", "equal", "bare"),
    ("5", "6", "different", "bare"), ("5", "I think it is 5", "unparsed", "none"), ("5", "There are 5 cats.\n\nSo 5.", "unparsed", "none"),
    ("5", "We had 3, then 5", "unparsed", "none"), ("5", "5 apples", "equal", "bare"), ("5", "5\n6", "unparsed", "none"),
    ("5", "<answer>5</answer>", "equal", "answer-tag"), ("5", "<answer>6</answer> no: <answer>5</answer>", "equal", "answer-tag"),
    ("5", "<answer>5</answer> no: <answer>6</answer>", "different", "answer-tag"), ("5", "so <answer>5", "unparsed", "answer-tag"),
    ("5", "so <answer>", "unparsed", "answer-tag"), ("5", "<answer></answer>", "unparsed", "answer-tag"),
    ("5", "<answer>5</answer> then <answer>", "unparsed", "answer-tag"), ("5", r"\boxed{5} <answer>6</answer>", "different", "answer-tag"),
    ("5", "<ANSWER>5</ANSWER>", "equal", "answer-tag"), ("5", "<answer>\n5\n</answer>\n", "equal", "answer-tag"),
    ("5", r"so $\boxed{5}$.", "equal", "boxed"), ("5", r"\boxed{4}, or rather \boxed{5}", "equal", "boxed"),
    ("5", r"\boxed{5}, or rather \boxed{4}", "different", "boxed"), ("5", r"\boxed{5", "unparsed", "boxed"),
    (r"\frac{1}{2}", r"\boxed{\frac{1}{2}}", "equal", "boxed"), ("5", r"\boxed{}", "unparsed", "boxed"),
    ("5", r"\boxed{5} and then \boxed{", "unparsed", "boxed"), ("5", "\\boxed{5}\nAnswer: 6", "equal", "boxed"),
    ("5", "3+2\nAnswer: 5", "equal", "answer-line"), ("5", "**Answer:** 5", "equal", "answer-line"),
    ("5", "**Answer: 5**", "equal", "answer-line"), ("5", "Final answer: 5.", "equal", "answer-line"),
    ("5", "Thus the answer is 5.", "equal", "answer-line"), ("5", "The answer is $5$.", "equal", "answer-line"),
    ("5", "3+2=5\n#### 5", "equal", "answer-line"), ("1234", "#### 1,234", "equal", "answer-line"),
    ("5", "Answer: 4\nAnswer: 5\nDone.", "equal", "answer-line"), ("5", "### Final Answer\n\n5", "equal", "answer-line"),
    ("5", "We add. So, the final answer is 5", "equal", "answer-line"), ("5", "The answer isn't 5.", "unparsed", "none"),
    ("5", "Answer: 5 or 6", "unparsed", "answer-line"), ("5", "Answer the question: 5", "unparsed", "none"),
    ("B", "B", "equal", "bare"), ("B", "A dog", "unparsed", "none"), ("Paris", "Paris", "equal", "bare"),
    ("(1, 2, 3)", "1, 2, 3", "equal", "bare"), ("(1, 2, 3)", "Well, I do not know, sorry", "unparsed", "none"),
    ("5", "Therefore, the answer is: **5**.", "equal", "answer-line"), ("5", "**The answer is 5**", "equal", "answer-line"),
    ("5", "**Final Answer:**\n\n**5**", "equal", "answer-line"), ("(1, 2)", "Answer: (1, 2).", "equal", "answer-line"),
    ("five or six", "Answer: five or six", "equal", "answer-line"),
]  # fmt: skip

HOSTILE = [
    "9^{9^{9^9}}", "9^{9999*9999*999999}", "(" * 10_000 + ")" * 10_000, r"\frac{" * 3000 + "1" + "}{2}" * 3000, "1" * 19_000,
    "__import__('os').system('touch /tmp/catena_pwned')", "\x00" * 50, "\ud800\udfff", "\u202e5\u202c or \u200f6", "(" * 19_000,
    "{" * 5000, "[" * 9000 + "1" + "]" * 9000, "1e999999999", "10^999999999", "1," * 9000, "1 " * 9000, "x" * 15_000, "!" * 900 + "x",
    "x" + "!" * 900, "-" * 5000 + "5", "+".join(["x"] * 400), "|" * 1000, r"\sqrt" * 900, "$" * 9999, "\\" * 9999, "5 " + "m " * 30,
    "lambda: 1", "x.__class__", "[x for x in (1,)]", r"\input{/etc/passwd}", "((9!)!)!", "x^{x^{x^{x^x}}}", "1/(1-1)", "0^{-1}",
    "e^{e^{e^{e^9}}}", r"\ln 0", r"\tan(\pi/2)", "oo-oo",
]  # fmt: skip


@pytest.mark.parametrize(("gold", "answer", "is_equal"), TAGGED)
def test_a_tagged_answer_is_equal_exactly_when_the_table_says_so(gold, answer, is_equal):
    comparison = compare(gold, f"Let me think: 7.\n<answer>{answer}</answer>")

    assert (comparison.verdict == "equal") == is_equal, comparison
    assert comparison.verdict in ("equal", "different", "unparsed")
    assert comparison.rule == "answer-tag"


@pytest.mark.parametrize(("gold", "reply", "verdict", "rule"), REPLIES)
def test_only_marked_or_bare_answers_are_read(gold, reply, verdict, rule):
    comparison = compare(gold, reply)

    assert (comparison.verdict, comparison.rule) == (verdict, rule), comparison


@pytest.mark.parametrize("kind", ANSWER_KINDS)
def test_hostile_texts_are_never_equal_and_never_stall(kind):
    golds = {"integer": "5", "rational": "1/2", "real": "5", "expression": "x+1", "set": "{1, 2}", "interval": "[0, 1)"}
    gold = Answer(kind, golds.get(kind, {"choice": "B", "boolean": "true", "sequence": "(1, 2)"}.get(kind, "Paris")))
    started = time.monotonic()
    for answer in HOSTILE:
        for reply in (f"<answer>{answer}</answer>", rf"\boxed{{{answer}}}", f"The answer is {answer}", answer):
            comparison = compare(gold, reply, timeout_s=0.5)
            assert comparison.verdict in ("different", "unparsed", "timeout"), (reply[:60], comparison)
    assert time.monotonic() - started < 10
    assert compare(gold, f"<answer>{printed(gold)}</answer>").verdict == "equal"


def test_text_that_is_python_is_not_executed(tmp_path):
    target = tmp_path / "pwned"
    for code in (f"__import__('os').system('touch {target}')", f"open('{target}','w')", f"x+(open('{target}','w'))"):
        for kind in ANSWER_KINDS:
            compare("x+1", f"<answer>{code}</answer>", kind=kind)
    assert not target.exists()


@pytest.mark.parametrize("filler", ["a", "1", "(", "answer is ", "<answer>", "\\boxed{", "#### ", "\n"])
def test_a_reply_of_five_megabytes_costs_no_more_than_its_end(filler):
    reply = filler * (5_000_000 // len(filler))
    started = time.monotonic()

    assert compare("5", reply + "<answer>5</answer>").verdict == "equal"
    assert compare("5", reply).verdict in ("unparsed", "different")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        ("5", "integer"), ("-1,234", "integer"), ("0.5", "rational"), ("3/4", "rational"), ("50%", "rational"), ("5 km", "real"),
        ("$5", "rational"), ("{1, 2}", "set"), ("[0, 1)", "interval"), ("(0, 1)", "sequence"), ("[0, 1]", "sequence"),
        (r"(-\infty, 3)", "interval"), ("(1, 2, 3)", "sequence"), ("B", "choice"), ("(J)", "choice"), ("K", "string"),
        ("true", "boolean"), ("No", "boolean"), ("2x+1", "expression"), (r"\sqrt{2}", "expression"), ("x=5", "integer"),
        ("x<3", "expression"), ("Paris", "string"), ("well-known", "string"), ("3.14 ± 0.01", "real"), ("", "string"),
    ],
)  # fmt: skip
def test_the_kind_of_a_gold_text_is_inferred(gold, kind):
    assert infer_kind(gold) == kind


def test_a_real_gold_has_its_own_tolerance_and_accepts_closed_forms():
    gold = Answer("real", "6.2832", tolerance=1e-4)

    assert compare(gold, r"<answer>2\pi</answer>").verdict == "equal"
    assert compare(gold, "<answer>6.29</answer>").verdict == "different"
    assert compare(Answer("real", "6.2832", tolerance=0.01), "<answer>6.29</answer>").verdict == "equal"
    assert compare(Answer("real", "0"), "<answer>0.0001</answer>").verdict == "different"
    assert compare(Answer("real", r"2\pi", "m"), "<answer>628.3 cm</answer>").verdict == "equal"


@pytest.mark.parametrize(
    "gold",
    [
        Answer("integer", "1.5"), Answer("integer", "banana"), Answer("real", "5", "two"), Answer("real", "5", tolerance=-1.0),
        Answer("real", "x", tolerance=float("nan")), Answer("choice", "BC"), Answer("boolean", "5"), Answer("interval", "5"),
        Answer("expression", "x + + ("), Answer("string", " "), Answer("sequence", "{1}"), Answer("integer", "1" * 30_000),
        Answer("expression", "9^{9^{9^9}}"), Answer("nonsense", "5"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_gold_that_is_not_of_its_kind_is_an_error_and_not_a_wrong_answer(gold):
    comparison = compare(gold, "<answer>x+7</answer>")

    assert comparison.verdict == "error"
    assert "gold" in comparison.note


def test_a_missing_unit_and_an_ignored_one_are_noted():
    assert compare("5 km", "<answer>5</answer>").note == "unit missing, taken as asked"
    assert compare("5", "<answer>5 km</answer>").note == "unit 'km' ignored"
    assert "percent" in compare("5", "<answer>5%</answer>").note


def test_a_type_overrides_what_the_gold_looks_like():
    assert compare("(0, 1)", "<answer>[0, 1]</answer>", kind="interval").verdict == "different"
    assert compare("(0, 1)", "<answer>[0, 1]</answer>").verdict == "equal"
    assert compare("1, 2", "<answer>{2, 1}</answer>", kind="set").verdict == "equal"
    assert compare("5", "<answer>5.0</answer>", kind="string").verdict == "different"


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="unknown answer kind"):
        compare("5", "6", kind="number")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout_s"):
        compare("5", "6", timeout_s=0)


def test_many_comparisons_keep_their_order():
    verdicts = [
        each.verdict for each in compare_many([("5", "5"), ("x+1", "<answer>1+x</answer>"), ("5", "6"), ("5", "")])
    ]

    assert verdicts == ["equal", "equal", "different", "unparsed"]


def test_parse_reads_the_canonical_value_and_unit():
    assert (parse("<answer>1,234.50 dollars</answer>", "rational").value, parse("#### 5 km", "real").unit) == (
        "2469/2",
        "km",
    )
    assert parse("no marker here, just 5", "integer").value is None
    assert parse("(b) something else entirely", "choice").rule == "none"


def test_the_import_stays_light():
    check = (
        "import sys, catena.answers; print([m for m in ('sympy', 'pint', 'math_verify', 'numpy') if m in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_common_case_takes_microseconds():
    gold, reply = Answer("integer", "70"), "Seventy it is.\n<answer>70</answer>"
    compare(gold, reply)
    best = min(_seconds_for(gold, reply) for _ in range(20))

    assert best < 50e-6  # measured at 2.5 µs; the bound only notices a slow path


def _seconds_for(gold, reply, repeats=200):
    started = time.perf_counter()
    for _ in range(repeats):
        compare(gold, reply)
    return (time.perf_counter() - started) / repeats


integers = st.integers(-(10**30), 10**30)
fractions = st.fractions(max_denominator=10**6)
words = st.text(st.characters(categories=("L", "N"), include_characters=" -,.'"), min_size=1, max_size=30).filter(
    lambda text: any(map(str.isalnum, text))
)
numbers = st.one_of(integers.map(str), fractions.map(str))
units = st.sampled_from([None, "m", "km/h", "m/s^2", "dollars", "apples", "°C", "%", "$", "kg m^-3", "square feet"])
answers = st.one_of(
    st.builds(Answer, st.just("integer"), integers.map(str), units),
    st.builds(Answer, st.just("rational"), fractions.map(str), units),
    st.builds(Answer, st.just("real"), st.floats(-1e300, 1e300).map(repr), units, st.none() | st.floats(0, 1)),
    st.builds(Answer, st.just("set"), st.lists(numbers, max_size=6).map(lambda items: "{" + ", ".join(items) + "}")),
    st.builds(Answer, st.just("sequence"), st.lists(numbers, max_size=6).map(lambda items: "(" + ", ".join(items) + ")")),
    st.builds(
        lambda low, high, left, right: Answer("interval", f"{left}{low}, {high}{right}"),
        numbers | st.just("-oo"), numbers | st.just("oo"), st.sampled_from("(["), st.sampled_from(")]"),
    ),
    st.builds(Answer, st.just("expression"), st.tuples(integers, integers).map(lambda ab: f"{ab[0]}*x^2 + {ab[1]}")),
    st.builds(Answer, st.just("choice"), st.sampled_from("ABCDEFGHIJ")),
    st.builds(Answer, st.just("boolean"), st.sampled_from(["true", "false"])),
    st.builds(Answer, st.just("string"), words),
)  # fmt: skip


@settings(deadline=None)
@given(answers)
def test_every_printed_answer_equals_itself(answer):
    for reply in (f"<answer>{printed(answer)}</answer>", f"first 1, then <answer> {printed(answer)}. </answer>\n"):
        assert compare(answer, reply).verdict == "equal", compare(answer, reply)


@settings(deadline=None)
@given(fractions, fractions)
def test_rationals_are_equal_exactly_when_their_values_are(left, right):
    reply = rf"<answer>\frac{{{right.numerator}}}{{{right.denominator}}}</answer>"

    assert (compare(str(left), reply, kind="rational").verdict == "equal") == (left == right)


@settings(deadline=None)
@given(integers, st.integers(1, 10**6))
def test_a_number_off_by_anything_is_different(value, offset):
    assert compare(str(value), f"<answer>{value + offset:,}</answer>").verdict == "different"
    assert compare(str(value), f"<answer>{value:,}</answer>").verdict == "equal"
    assert compare(str(value), f"<answer>{value} or {value + offset}</answer>").verdict != "equal"


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(ANSWER_KINDS))
def test_any_text_can_be_parsed_without_an_exception(text, kind):
    parse(f"<answer>{text}</answer>", kind)
    parse(text, kind)
    infer_kind(text)


@settings(deadline=None, max_examples=60)
@given(st.text("0123456789xyz+-*/^(){}[]\\,.$% =|!_aeipqrst\n", max_size=40))
def test_any_mathematical_text_gets_a_verdict(text):
    assert compare(Answer("expression", "x+1"), f"<answer>{text}</answer>", timeout_s=5).verdict != "error"
    assert compare(Answer("set", "{x+1, 2}"), f"<answer>{text}</answer>", timeout_s=5).verdict != "error"


def test_a_percent_is_read_by_the_same_rule_in_both_directions():
    for gold, text in (("0.5", "50%"), ("50%", "0.5"), ("50", "50%"), ("50%", "50")):
        assert compare(gold, f"<answer>{text}</answer>").verdict == "equal"
    assert parse("<answer>12.5%</answer>", "rational").value == "12.5%"
