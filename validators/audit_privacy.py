"""Keys and personal data in rows. Evidence is masked: a report of an audit must not leak what it found.

Patterns with a check where there is one (Luhn, IBAN, entropy). Not here: names and postal addresses of persons, which word
problems are full of.
"""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator

from catena.validators.audit_findings import Finding, Severity, masked
from catena.validators.audit_rows import AuditRow

_SECRETS = {
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "OpenAI or Anthropic key": r"\bsk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,}",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "Stripe key": r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}",
    "GitLab token": r"\bglpat-[0-9A-Za-z_-]{20,}",
    "private key": r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "SendGrid key": r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    "Twilio or Mailgun key": r"\b(?:SK|key-)[0-9a-f]{32}\b",
    "registry token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{40,}|dckr_pat_[A-Za-z0-9_-]{20,})",
    "key of a cloud": r"\b(?:dop_v1_[0-9a-f]{40,}|dapi[0-9a-f]{32}|nvapi-[A-Za-z0-9_-]{40,}|GOCSPX-[A-Za-z0-9_-]{20,}|dp\.(?:pt|st)\.[A-Za-z0-9]{30,})",
    "key of a model host": r"\b(?:gsk_|xai-|pplx-|r8_|fw_)[A-Za-z0-9]{24,}",
    "key of a shop or a tracker": r"\b(?:shp(?:at|ca|pa|ss)_[0-9a-f]{32}|sq0(?:csp|atp)-[A-Za-z0-9_-]{20,}|lin_api_[A-Za-z0-9]{30,}|secret_[A-Za-z0-9]{43})",
    "bot token": r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    "webhook": r"https://(?:hooks\.slack\.com/services/T|discord(?:app)?\.com/api/webhooks/[0-9])[A-Za-z0-9/_-]{20,}",
    "password in a URL": r"\b[a-z][a-z0-9+]{2,12}://[^\s:/@]{1,60}:[^\s:/@]{4,60}@[a-z0-9.-]+",
}
_SECRET = re.compile("|".join(f"(?P<s{at}>{pattern})" for at, pattern in enumerate(_SECRETS.values())))
_SECRET_CUES = (
    "AKIA",
    "ASIA",
    "gh",
    "github_pat_",
    "SG.",
    "SK",
    "key-",
    "npm_",
    "pypi-",
    "dckr_",
    "dop_v1_",
    "dapi",
    "nvapi-",
    "GOCSPX-",
    "dp.",
    "gsk_",
    "xai-",
    "pplx-",
    "r8_",
    "fw_",
    "shp",
    "sq0",
    "lin_api_",
    "secret_",
    ":AA",
    "sk-",
    "hf_",
    "xox",
    "AIza",
    "k_live_",
    "k_test_",
    "glpat-",
    "-----BEGIN",
    "eyJ",
    "://",
)
_ASSIGNED = re.compile(
    r"(?:\b|_)(?:(?:api|account|access|private)[_-]?key|secret|token|passw(?:or)?d|authorization|auth)\w{0,12}[\"']?\s{0,3}[:=]\s{0,3}"
    r"(?:bearer |basic )?[\"']?(?P<value>[A-Za-z0-9+/_=.-]{16,})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"\b(?:password|passwd|passphrase|pwd)\s{0,3}(?:[:=]|is)\s{0,3}[\"'`]?(?P<value>(?=\S{0,30}\d)(?=\S{0,30}[A-Za-z])(?=\S{0,30}[^\w\s\"'`])[^\s\"'`]{8,40})",
    re.IGNORECASE,
)
_LEAST_ENTROPY = 3.4
SECRET_SEARCH = f"{_SECRET.pattern}|(?i:{_ASSIGNED.pattern})|(?i:\\b(?:password|passwd|passphrase|pwd)\\s{{0,3}}(?:[:=]|is)\\s{{0,3}})"
"""Matches wherever `secrets` may find something, and elsewhere too; without lookaheads, so that RE2 takes it."""
_EMAIL = re.compile(
    r"\b[A-Za-z0-9._%+-]{1,64}@(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,3}\.[A-Za-z]{2,24})\b"
)
_EXAMPLE_HOST = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost)(?:\.|$)|^(?:domain|email|mail|company|school)\.com$", re.IGNORECASE
)
_PHONE = re.compile(
    r"(?<![\w.+$-])(?:\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,5}(?:[ .-][0-9]{2,5}){1,4}|\+[1-9][0-9]{9,13}"
    r"|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}|[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4})(?![\w-])"
)
_FICTIONAL_PHONE = re.compile(r"555[ .-]?01|555[ .-]?[0-9]{4}")
_CARD = re.compile(
    r"(?<![\d.,/^-])(?:[3-6][0-9]{3}[ -]?(?:[0-9]{4}[ -]?){2}[0-9]{4}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5})(?![\d.,]*\d)"
)
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
_WITH_CUE = re.compile(
    r"\b(?:tel|phone|telephone|telefon|mobile|handy|fax|whatsapp)\b[.: ]{1,3}(?:no\.? |number |nr\.? |is )?(?P<phone>[+(0][0-9() ./-]{7,18}[0-9])"
    r"|\bpassport (?:no\.?|number|nr\.?)?[: ]{0,2}(?P<passport>[A-Z]{1,2}[0-9]{6,8})\b",
    re.IGNORECASE,
)
_OBFUSCATED = re.compile(
    r"\b[\w.+-]{1,40} ?[\[({] ?at ?[\])}] ?[\w-]{1,40} ?[\[({] ?(?:dot|punkt|punto) ?[\])}] ?[a-z]{2,10}\b",
    re.IGNORECASE,
)
_CPF = re.compile(r"(?<![\w.-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])")
_ADDRESS = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w/]|\.[0-9])")
_NEEDED = re.compile(r"[@+]|\d{3}|\b[A-Z]{2}\d{2}|[\[({] ?at ?[\])}]")


def secrets(row: AuditRow) -> Iterator[Finding]:
    """Keys, tokens and passwords, by their form or by the word before them."""
    for column, text in row.texts:
        for match in _SECRET.finditer(text) if any(cue in text for cue in _SECRET_CUES) else ():
            name = list(_SECRETS)[int((match.lastgroup or "s0")[1:])]
            yield Finding("secret", "severe", row.row_id, f"{column}: {name} {masked(match[0])}")
        for match in _ASSIGNED.finditer(text):
            if entropy(match["value"]) >= _LEAST_ENTROPY and _SECRET.search(match[0]) is None:
                yield Finding(
                    "secret", "severe", row.row_id, f"{column}: a value called a key {masked(match['value'])}"
                )
        for match in _PASSWORD.finditer(text):
            yield Finding("secret", "warning", row.row_id, f"{column}: a password {masked(match['value'])}")


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits per character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


def personal_data(row: AuditRow) -> Iterator[Finding]:
    """E-mail addresses, telephone numbers, payment cards, bank accounts, social security numbers; once per column and sort."""
    for column, text in row.texts:
        if _NEEDED.search(text) is None:
            continue
        seen = set[str]()
        for sort, severity, value in _personal(text):
            if sort not in seen:
                seen.add(sort)
                yield Finding("personal data", severity, row.row_id, f"{column}: {sort} {masked(value)}")


def _personal(text: str) -> Iterator[tuple[str, Severity, str]]:
    for match in _EMAIL.finditer(text):
        yield "e-mail address", "note" if _EXAMPLE_HOST.search(match["host"]) else "severe", match[0]
    for match in _CARD.finditer(text):
        if luhn(match[0]) and len(set(match[0])) > 3:
            yield "payment card", "severe", match[0]
    for match in _IBAN.finditer(text):
        if is_iban(match[0]):
            yield "bank account", "severe", match[0]
    for match in _SOCIAL_SECURITY.finditer(text):
        yield "social security number", "warning", match[0]
    for match in _WITH_CUE.finditer(text):
        yield (
            "telephone number" if match["phone"] else "passport number",
            "warning",
            match["phone"] or match["passport"],
        )
    for match in _OBFUSCATED.finditer(text):
        yield "e-mail address", "severe", match[0]
    for match in _CPF.finditer(text):
        if is_cpf(match[0]):
            yield "tax number", "severe", match[0]
    for match in _ADDRESS.finditer(text):
        if is_public(match[0]):
            yield "network address", "note", match[0]
    for match in _PHONE.finditer(text):
        if sum(map(str.isdigit, match[0])) >= 9:
            yield "telephone number", "note" if _FICTIONAL_PHONE.search(match[0]) else "warning", match[0]


def luhn(text: str) -> bool:
    """Whether the digits in `text` have the check digit of payment cards."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether `text` is a bank account number with its check digits (ISO 13616)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_cpf(text: str) -> bool:
    """Whether the two check digits of a Brazilian tax number fit."""
    digits = [int(char) for char in text if char.isdigit()]
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    checks = (sum(value * (size + 1 - at) for at, value in enumerate(digits[:size])) * 10 % 11 % 10 for size in (9, 10))
    return list(checks) == digits[9:]


def is_public(text: str) -> bool:
    """Whether an IPv4 address can be that of somebody: none for private networks, tests and documentation."""
    try:
        return ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False
