"""Who counts as one project, how much one may give, and which projects are held out.

Artefacts of one repository are one project, and repositories of one owner are split together,
so that what the model is measured on has no sibling in training. Owners under which unrelated
projects live are the exception: there each repository stands alone.
"""

import hashlib
import re

UMBRELLAS = frozenset("""apache google googleapis microsoft facebook facebookarchive golang mozilla kotlin jetbrains
    square cashapp twitter netflix alibaba spotify linkedin uber airbnb github haskell hackage rust-lang
    rust-lang-nursery scala ruby python nodejs debian typelevel sindresorhus spring-projects quarkusio aws awslabs
    azure tc39 w3c gnome freedesktop xorg kde eclipse jenkinsci dotnet mono lua-pkg-team haskell-team""".split())
# Each folder of Mono's class library is a library of its own: without this one archive would be a language's only project.
COMPONENTS = re.compile(r"^(?:mcs/class/(?:referencesource/|reference-assemblies/)?([^/]+)"
                        r"|external/(?:corefx|corert|api-doc-tools|linker|cecil|roslyn[^/]*)/src/(?:[Cc]ommon/src/)?([^/]+)"
                        r"|external/([^/]+)|mcs/([^/]+))")

# Bytes a project a language: what keeps one project from setting the style. Languages with few
# projects of any size need more from each.
CAP = {"kotlin": 3_000_000, "scala": 2_500_000, "csharp": 1_500_000, "tsx": 4_000_000, "typescript": 2_500_000,
       "lua": 2_500_000, "php": 3_000_000, "bash": 1_500_000, "haskell": 1_500_000, "ruby": 2_500_000,
       "rust": 700_000, "c": 900_000, "cpp": 1_200_000, "java": 900_000, "go": 700_000, "python": 900_000, "text": 900_000}
DEFAULT_CAP = 1_000_000
LANGUAGE_CAP = 125_000_000  # bytes of training text a language
HELD_OUT_CAP = 300_000
# A group whose hash is a multiple of its main language's modulus is held out.
# Chosen so that each language has about ten such groups without losing its largest.
MODULUS = {"c": 20, "cpp": 14, "csharp": 15, "java": 28, "kotlin": 6, "scala": 8, "javascript": 18, "typescript": 13,
           "tsx": 4, "python": 17, "go": 36, "rust": 38, "ruby": 17, "php": 6, "bash": 2, "lua": 3, "haskell": 26, "text": 7}
DEFAULT_MODULUS = 20


def cap(lang):
    return CAP.get(lang, DEFAULT_CAP)


def number_of(name):
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def component(project, path):
    """The project, or for an archive that is many projects the part of it that a path is in."""
    if project in ("mono", "mono/mono"):
        match = COMPONENTS.match(path)
        part = next((p for p in match.groups() if p), "runtime") if match else "runtime"
        return f"mono-{part}".lower()
    return project


def is_composite(project):
    return component(project, "") != project


def group_of(project):
    owner, slash, _ = project.partition("/")
    return owner if slash and owner not in UMBRELLAS else project


def held_out(group, main_language):
    return number_of(group) % MODULUS.get(main_language, DEFAULT_MODULUS) == 0
