#!/usr/bin/env python3
"""Makes tests/engine/data/tokenizer: vocabularies, texts, and the ids that others give them.

One folder a vocabulary: vocab.gguf, NAME.txt, and NAME.ids as the reference has them. For
byte-level BPE the reference is the `tokenizers` package with the pre-tokenizer's published
regular expression, for SentencePiece the `sentencepiece` package (pip install both). llama.cpp v0.5.0
gives the same ids for every text of every folder but espalier, whose pre-tokenizer it does
not know. What is committed is what the tests read; run this only to add cases, and commit
the folder whole.
"""

import io
import json
import random
import sys
from pathlib import Path

import sentencepiece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/engine/data/tokenizer"
sys.path.insert(0, str(ROOT / "engine/training"))
import gguf  # noqa: E402
import tokenizer as espalier  # noqa: E402

SAMPLES = ["c/ini_parser.c", "python/job_queue.py", "javascript/router.js", "go/depgraph.go",
           "rust/interval_map.rs", "ruby/inventory.rb", "java/EventBus.java"]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{%s}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

# name, tokenizer.ggml.pre, regular expressions applied in turn, pre-token that is a piece wins
BYTE_LEVEL = [
    ("gpt2", "gpt-2", [GPT2], False),
    ("starcoder", "starcoder", [r"\p{N}", GPT2], False),
    ("llama3", "llama-bpe", [LLAMA3 % "1,3"], True),
    ("qwen2", "qwen2", [LLAMA3 % "1"], False),
]

ASCII = {
    "blanks": " a  b   c\td\t\te \t f\v\fg\n  \n\t\nh  \n   i\n\n\n  j \n  ",
    "newlines": "a\nb\r\nc\rd\n\n\r\n\r\n\r\r\n \r\n \r \n\r",
    "numbers": "1 12 123 1234 12345 0x1F 3.14159 1e-10 1_000_000 x86_64 007  42   9",
    "operators": "a+=b; a<<=2;x->y::z; !== === <=> ?. ?? ... && || |> -> => ~^ @x #y $z %w a--b",
    "singles": "f(g[h{i}], \"a\", 'b', `c`) ()[]{};;,,\"\"''`` ( [ { ) ] } ; , \" ' `",
    "contractions": "it's I'm you'll we've they'd don't IT'S 's 'x' x'y can'ts ' s 're",
    "code": "int main(void) {\n\treturn printf(\"%d items\\n\", count(&list[0], 10));\n}\n"
            "def f(self, x: int = 3) -> str:\n    return f'{x!r}'  # it's\n",
    "prose": "The parser keeps what it has read; nothing is thrown away before the end.\n",
}
UNICODE = {
    "unicode": "é naïve Ünïcode 漢字 かな 한국어 😀👍🏽 x→y “quoted” a\u00a0b\u2028c\u0085d ﬁ ∑x² ½\n",
    "controls": "\x00a \x01 b  \x02\x03c\x1b[0m \x7f \x1f\t\x00\n \x00",
}


def long_cases(rng):
    letters = "".join(rng.choice("eatonrdsilc_") for _ in range(700))
    return {"long": f"{letters}\n{' ' * 333}x {'-=' * 90}>{'(' * 50}\n{'a' * 129}\n"}


def random_case(rng, alphabet, n=1500):
    return "".join(rng.choice(alphabet) for _ in range(n))


ASCII_ALPHABET = " \t\n  \n\r\v\fabcXYZ_0189()[]{};,\"'`!#$%&*+-./:<=>?@\\^|~ses"


def write_cases(folder, cases, encode):
    for name, text in cases.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
        (folder / f"{name}.ids").write_text(" ".join(map(str, encode(text))) + "\n")


def samples():
    return [(ROOT / "tests/samples" / name).read_text() for name in SAMPLES]


def make_espalier(rng):
    folder = DATA / "espalier"
    folder.mkdir(parents=True, exist_ok=True)
    cases = {**ASCII, **UNICODE, **long_cases(rng)}
    cases["random"] = random_case(rng, ASCII_ALPHABET + "\x00\x1f\x7fé漢😀\u00a0")
    vocabulary = espalier.Vocabulary.train([*samples(), *cases.values()], 700)
    vocabulary.save(folder / "vocab.gguf", "test vocabulary")
    write_cases(folder, cases, vocabulary.encode)


def make_byte_level(name, pre, patterns, whole_first, rng):
    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    cases = {**ASCII, **long_cases(rng), "random": random_case(rng, ASCII_ALPHABET)}

    def configured(model):
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
        return tokenizer

    first = configured(models.BPE())
    first.train_from_iterator(samples(), trainers.BpeTrainer(
        vocab_size=500, min_frequency=2, show_progress=False,
        initial_alphabet=list(espalier.BYTE_CHARACTERS.values())))
    model = json.loads(first.to_str())["model"]
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    # Two pieces that no merge makes, one of them a pre-token that merges otherwise.
    tokens = sorted(model["vocab"], key=model["vocab"].get) + ["Ġzzq", "printf"]
    ids = {token: i for i, token in enumerate(tokens)}
    reference = configured(models.BPE(ids, merges, ignore_merges=whole_first))

    writer = gguf.Writer()
    writer.string("tokenizer.ggml.model", "gpt2")
    writer.string("tokenizer.ggml.pre", pre)
    writer.strings("tokenizer.ggml.tokens", tokens)
    writer.strings("tokenizer.ggml.merges", [" ".join(m) for m in merges])
    writer.save(folder / "vocab.gguf")
    write_cases(folder, cases, lambda text: reference.encode(text).ids)


def make_llama(rng):
    folder = DATA / "llama"
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    lines = [line for text in samples() for line in text.split("\n")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=700, model_type="bpe",
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    n = sp.get_piece_size()
    kinds = [2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 1
             for i in range(n)]
    writer = gguf.Writer()
    writer.string("tokenizer.ggml.model", "llama")
    writer.strings("tokenizer.ggml.tokens", [sp.id_to_piece(i) for i in range(n)])
    writer.f32s("tokenizer.ggml.scores", [sp.get_score(i) for i in range(n)])
    writer.i32s("tokenizer.ggml.token_type", kinds)
    writer.u32("tokenizer.ggml.unknown_token_id", sp.unk_id())
    writer.u32("tokenizer.ggml.eos_token_id", sp.eos_id())
    writer.save(folder / "vocab.gguf")
    cases = {**ASCII, **UNICODE, **long_cases(rng)}
    # The reference ends at a zero byte in places; ours does not.
    cases = {name: text.replace("\x00", "\x01") for name, text in cases.items()}
    cases["random"] = random_case(rng, ASCII_ALPHABET + "é漢😀")
    write_cases(folder, cases, sp.encode)


def main():
    rng = random.Random(7)
    make_espalier(rng)
    for row in BYTE_LEVEL:
        make_byte_level(*row, rng)
    make_llama(rng)


if __name__ == "__main__":
    main()
