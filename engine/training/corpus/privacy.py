"""Secrets and personal data: what must not be learned by heart.

A file with something that looks like a live credential is dropped whole. E-mail addresses and
international telephone numbers are replaced by constants, in training and held-out text alike,
so that the model still sees where an address goes.
"""

import re

ADDRESS = "name@example.com"
PHONE = "+1 555 0100"

# (what must occur, the pattern): the first is a plain search, so that hardly any file pays for the second.
SECRETS = [
    ("PRIVATE KEY", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*(?:\\n)?[A-Za-z0-9+/=:\s\\\"']{40}"),
    ("AKIA", r"\bAKIA[0-9A-Z]{16}\b"), ("ASIA", r"\bASIA[0-9A-Z]{16}\b"),
    ("aws_secret_access_key", r"aws_secret_access_key[\"']?\s*[:=]+\s*[\"']?[A-Za-z0-9/+]{40}\b"),
    ("ghp_", r"\bghp_[A-Za-z0-9]{36}\b"), ("gho_", r"\bgho_[A-Za-z0-9]{36}\b"),
    ("ghs_", r"\bghs_[A-Za-z0-9]{36}\b"), ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20}\b"), ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("xox", r"\bxox[abeoprs]-[0-9A-Za-z-]{20,}"), ("hooks.slack.com", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}"),
    ("AIza", r"\bAIza[0-9A-Za-z_-]{35}\b"), ("ya29.", r"\bya29\.[0-9A-Za-z_-]{30,}"),
    ("_live_", r"\b[sr]k_live_[0-9A-Za-z]{16,}"), ("SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}\b"),
    ("eyJ", r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}"),
    ("AccountKey=", r"AccountKey=[A-Za-z0-9+/]{80,}=="), ("pypi-", r"\bpypi-AgEI[A-Za-z0-9_-]{50,}"),
    ("sk-", r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{40,}\b"),
]
SECRETS = [(literal, re.compile(pattern)) for literal, pattern in SECRETS]

DOMAIN = re.compile(r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:com|org|net|edu|gov|mil|int|info|biz|name|dev|app|me|io"
                    r"|co|ai|xyz|tech|cloud|email|online|site|pro|[a-z]{2})\b(?![(\w.-]*[(\w])", re.I)
LOCAL = re.compile(r"[A-Za-z0-9._%+-]{1,64}\Z")
TELEPHONE = re.compile(r"\+(?!1 555)[1-9]\d{0,2}[ .-](?:\(\d{1,4}\)[ .-]?|\d{1,4}[ .-])\d{2,4}(?:[ .-]\d{2,4}){1,3}\b")
# Not personal: the login of repository addresses, and what the standards set aside for examples.
NEUTRAL_LOCALS = {"git", "user", "name", "foo", "test", "me", "you", "example", "noreply"}
NEUTRAL_DOMAIN = re.compile(r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|test|invalid|localhost)$", re.I)


def has_secret(text):
    return any(literal in text and pattern.search(text) for literal, pattern in SECRETS)


def without_addresses(text):
    """The text with e-mail addresses and telephone numbers replaced."""
    if "@" in text:
        pieces, at = [], 0
        for match in DOMAIN.finditer(text):
            local = LOCAL.search(text, max(at, match.start() - 64), match.start())
            if not local or local[0].strip(".") == "":
                continue
            if local[0].lower() in NEUTRAL_LOCALS or NEUTRAL_DOMAIN.match(match[0]):
                continue
            pieces += [text[at : local.start()], ADDRESS]
            at = match.end()
        if pieces:
            text = "".join(pieces) + text[at:]
    if "+" in text:
        text = TELEPHONE.sub(PHONE, text)
    return text
