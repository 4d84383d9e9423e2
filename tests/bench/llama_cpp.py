"""Debian's llama.cpp package, and the random model that both engines load: for `peers` and `beside`."""
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Our kernel set: the backend with the same instructions. Of llama.cpp's, sapphirerapids has AMX,
# icelake VNNI, alderlake AVX-VNNI, haswell AVX2.
BACKENDS = {"amx": "sapphirerapids", "avx512vnni": "icelake", "avx512": "skylakex", "avxvnni": "alderlake", "avx2": "haswell"}
PROGRAMS = ["llama-bench", "llama-server"]


class Package:
    """The package of Debian's development suite, unpacked below `cache` (tests/fetch-package)."""

    def __init__(self, cache):
        home = cache / "llama.cpp-programs"
        if not (home / "tree/usr/bin" / PROGRAMS[-1]).exists():
            done = subprocess.run([HERE.parent / "fetch-package", "llama.cpp", home,
                                   *(f"usr/bin/{program}" for program in PROGRAMS)])
            if done.returncode:
                raise SystemExit(done.returncode)
        self.tree = home / "tree"
        self.libraries = next((self.tree / "usr/lib").glob("*/libllama.so.0")).parent

    def program(self, name):
        return str(self.tree / "usr/bin" / name)

    def environment(self, backend):
        """For its programs alone: the libraries come with a libc of their own."""
        path = next(self.libraries.glob(f"ggml/*/libggml-cpu-{backend}.so"))
        return dict(os.environ, GGML_BACKEND_PATH=str(path),
                    LD_LIBRARY_PATH=f"{self.libraries}:{self.libraries / 'llama'}")

    def version(self):
        out = subprocess.run([self.program("llama-server"), "--version"], env=self.environment("x64"), check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        return "llama.cpp " + next(line for line in out.splitlines() if "version" in line).partition(": ")[2]


def write_model(build, path, kind, *vocabulary):
    writer = next(p for p in build.rglob("bench_model") if p.is_file())
    subprocess.run([writer, path, kind, *vocabulary], check=True)
    return path
