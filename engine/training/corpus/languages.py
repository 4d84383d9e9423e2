"""Which language a path is written in, and which paths are never hand-written code.

Ids are those of the registry (tokenizer.LANGUAGES) plus "text", natural language near code.
Everything here looks at names only, save that a file without a suffix is a shell script when
its first line says so and that a header with C++ in it is C++.
"""

import os
import re

CODE = ["c", "cpp", "csharp", "java", "kotlin", "scala", "javascript", "typescript", "tsx",
        "python", "go", "rust", "ruby", "php", "bash", "lua", "haskell"]
LANGUAGES = CODE + ["text"]

SUFFIXES = {
    "c": "c h", "cpp": "cc cpp cxx c++ hpp hh hxx h++ ipp tpp inl", "csharp": "cs", "java": "java",
    "kotlin": "kt kts", "scala": "scala sc", "javascript": "js mjs cjs jsx",
    "typescript": "ts mts cts", "tsx": "tsx", "python": "py", "go": "go", "rust": "rs",
    "ruby": "rb rake gemspec", "php": "php", "bash": "sh bash", "lua": "lua", "haskell": "hs",
    "text": "md markdown rst txt",
}
BY_SUFFIX = {f".{suffix}": lang for lang, names in SUFFIXES.items() for suffix in names.split()}
BY_NAME = {"rakefile": "ruby", "gemfile": "ruby", "readme": "text"}

SHEBANG = re.compile(rb"#! ?(?:/usr)?/bin/(?:env )?(?:ba|da)?sh\b")
CPLUSPLUS = re.compile(
    rb"^\s*(?:class\s+\w+\s*[:{]|template\s*<|namespace\s+\w+|using\s+namespace|(?:public|private):)|std::", re.M)

SKIPPED = re.compile(
    # other people's files, build results, and data that only looks like code
    r"(^|/)(node_modules|third[_-]?party|3rd-?party|thirdparty|vendor(ed)?|_vendor|extern(als?)?|bundled|dist"
    r"|build|deps|locales?|i18n|l10n|debian|\.pc|fixtures?|testdata|test-data|__snapshots__|snapshots"
    r"|__generated__|generated|gen-src|godeps|autom4te\.cache|esm|cjs|umd|lib-amd|lib-commonjs)/"
    r"|[.-]min\.|\.bundle\.|\.umd\.|\.esm\.js$|\.d\.[mc]?ts$|\.stories\.|\.snap\."
    r"|(^|/)lang/[^/]*\.php$"
    # what tools write
    r"|_pb2(_grpc)?\.py$|\.pb\.(go|cc|h)$|\.pb\.gw\.go$|_grpc\.pb\.|\.tab\.[ch]$|lex\.yy|/moc_|zz_generated"
    r"|\.g\.(cs|kt|dart|scala)$|\.g\.i\.cs$|\.designer\.cs$|assemblyinfo\.cs$|\.generated\.|\.gen\.|_generated\."
    r"|(^|/)(r|buildconfig)\.java$|_string\.go$|bindata\.go$|(^|/)mock_[^/]*\.go$|_mock\.go$"
    r"|(^|/)paths_[^/]*\.hs$|(^|/)autoload_[a-z]*\.php$|versioneer\.py$|(^|/)_version\.py$"
    r"|unicode[^/]*(data|tables?)|(^|/)(config\.h|configure|config\.(guess|sub|status)|ltmain\.sh|libtool"
    r"|install-sh|missing|depcomp|compile|test-driver|mkinstalldirs|ylwrap|gradlew|mvnw)$"
)
SKIPPED_TEXT = re.compile(
    r"(^|/)(tests?|specs?|data|examples?/data|licenses?|legal|\.github)/"
    r"|(^|/)[^/]*(change|history|licen[sc]e|copying|copyright|notice|authors|contributors|thanks|maintainers"
    r"|credits|patents|requirements|cmakelists|manifest|sources|dependency_links|top_level|entry_points"
    r"|robots|words|dictionary|releases?[-_.]|release[-_ ]?notes|news|code_of_conduct|codeowners|pull_request"
    r"|issue_template|security)[^/]*$"
)


def may_be_wanted(path):
    """Whether a path is worth reading: says no to most members of an archive without their text."""
    name = os.path.basename(path).lower()
    stem, suffix = os.path.splitext(name)
    return (suffix in BY_SUFFIX or name in BY_NAME or (not suffix and "." not in name)) \
        and not SKIPPED.search(path.lower())


def language_of(path, data):
    """The language of a file, or None when it is not wanted."""
    lower = path.lower()
    if SKIPPED.search(lower):
        return None
    name = os.path.basename(lower)
    suffix = os.path.splitext(name)[1]
    lang = BY_SUFFIX.get(suffix) or BY_NAME.get(name)
    if lang is None and not suffix and SHEBANG.match(data[:40]):
        lang = "bash"
    if lang == "c" and suffix == ".h" and CPLUSPLUS.search(data):
        lang = "cpp"
    if lang == "text" and SKIPPED_TEXT.search(lower):
        lang = None
    return lang
