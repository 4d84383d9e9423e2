#!/usr/bin/env python3
"""Drives editors that show completion items, set up as editors/README.md says.

    items_test.py EDITOR --program PROGRAM --server "COMMAND..." --work FOLDER

EDITOR is emacs, vim or helix. The block of code for it is taken out of the README as it stands; the
name `espalier` in it is found in PATH as a tap before the real server. What is expected is what the
server answered: the editor opens a case, types, accepts the first item and saves.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from nvim_test import Conversation, Failure, Places, expect, items_of, load_case, wait_for

HERE = Path(__file__).resolve().parent
README = HERE.parent.parent / "editors" / "README.md"
CASES = ("counter.py", "check.c")

DRIVE_EMACS = """
(defun tell (what) (message "%s" what))
(condition-case cause
    (progn
      (setq eglot-sync-connect 30 eglot-autoshutdown t auto-save-default nil make-backup-files nil)
      (find-file (getenv "CASE_FILE"))
      (run-hooks 'post-command-hook)
      (let ((end (+ (float-time) 30)))
        (while (and (not (eglot-managed-p)) (< (float-time) end)) (accept-process-output nil 0.1)))
      (goto-char (1+ (string-to-number (getenv "CASE_OFFSET"))))
      (insert (getenv "CASE_TYPED"))
      (let ((end (+ (float-time) 30)) (size (buffer-size)))
        (while (and (= size (buffer-size)) (< (float-time) end))
          (sit-for 0.3)
          (completion-at-point)))
      (save-buffer)
      (eglot-shutdown-all)
      (kill-emacs 0))
  (error (tell cause) (kill-emacs 1)))
"""


def block(language):
    text = README.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"```{language}\n")
    if not found:
        raise Failure(f"{README.name} has no block of {language}")
    return rest.partition("```")[0]


class Session:
    """A case in a folder of its own, and what the editor's server says in it."""

    def __init__(self, options, case):
        self.folder = options.work / case
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "bin").mkdir(parents=True)
        self.text, self.typed, self.offset = load_case(case)
        self.file = self.folder / case
        self.file.write_text(self.text, encoding="utf-8")
        self.program = options.program
        self.talk = Conversation(self.folder / "lsp.log")
        tap = [sys.executable, str(HERE / "lsp_tap.py"), str(self.talk.path)]
        server = self.folder / "bin" / "espalier"
        server.write_text(f'#!/bin/sh\nexec {shlex.join(tap)} {options.server} "$@"\n')
        server.chmod(0o755)
        (self.folder / "run").mkdir(mode=0o700)
        self.environment = {
            "PATH": f"{server.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "TERM": "tmux-256color",
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
        }
        for name in ("ESPALIER_MODEL", "HELIX_RUNTIME"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.socket = f"espalier-items-{case}-{os.getpid()}"

    def complete(self):
        """The case with what is typed, and where that ends."""
        cursor = self.offset + len(self.typed)
        return self.text[: self.offset] + self.typed + self.text[self.offset :], cursor

    def check(self):
        """The saved file is the text with the first item of some answer."""
        encoding = self.talk.answers("initialize")[0][1]["capabilities"]["positionEncoding"]
        saved, text = self.file.read_text(encoding="utf-8"), self.complete()[0]
        wanted = []
        for _, result in self.talk.answers("textDocument/completion"):
            for item in items_of(result)[:1]:
                edit = item["textEdit"]
                whole = {"range": edit["range"], "insertText": edit["newText"]}
                wanted.append(Places(encoding).apply(text, whole))
        if not wanted:
            raise Failure("the server answered no items")
        if saved not in wanted:
            expect("the file with the item", saved, wanted[-1])

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-u", "-L", self.socket, *arguments], capture_output=True, encoding="utf-8"
        )
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def start(self, *command):
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30",
                  "env", "-C", str(self.folder), *settings, *map(str, command))  # fmt: skip
        self.tmux("set-option", "-s", "escape-time", "0")
        wait_for("the server", lambda: self.talk.said("textDocument/didOpen"))

    def answered(self):
        answers = self.talk.answers("textDocument/completion")
        return answers and items_of(answers[-1][1])

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def line(self):
        return self.text.count("\n", 0, self.offset) + 1


def emacs(session):
    init = session.folder / "init.el"
    init.write_text(block("elisp") + DRIVE_EMACS)
    case = {
        "CASE_FILE": str(session.file),
        "CASE_OFFSET": str(session.offset),
        "CASE_TYPED": session.typed,
    }
    command = [str(session.program), "--batch", "-f", "package-initialize", "-l", str(init)]
    environment = {**session.environment, **case}
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=120
    )
    if done.returncode != 0:
        raise Failure(f"Emacs ended with {done.returncode}:\n{done.stderr}")


def menu_of(session):
    """The first item is on screen, in the editor's menu."""

    def probe():
        items = session.answered()
        return items and items[0]["label"].strip()[:20] in session.screen() and items[0]

    return wait_for("the menu", probe)


def vim(session):
    init = session.folder / "vimrc"
    init.write_text("set nocompatible noswapfile\nfiletype plugin on\n" + block("vim"))
    session.start(session.program, "-n", "-u", init, session.file)
    session.type(f":{session.line()}\r")
    session.type("A" + session.typed)
    menu_of(session)
    session.keys("C-n", "C-y")
    save(session, ":w")


def helix(session):
    folder = session.folder / "config" / "helix"
    folder.mkdir(parents=True)
    (folder / "languages.toml").write_text(block("toml"))
    (folder / "config.toml").write_text("[editor]\nauto-pairs = false\n")
    session.start(session.program, session.file)
    session.type(f"{session.line()}G")
    session.type("A" + session.typed)
    session.keys("C-x")
    menu_of(session)
    session.keys("Tab")
    session.keys("Enter")
    save(session, ":w")


def save(session, command):
    before = session.file.stat().st_mtime_ns
    session.keys("Escape")
    session.type(command + "\r")
    wait_for("the file to be written", lambda: session.file.stat().st_mtime_ns != before, 10)
    wait_for("all of it", lambda: session.file.read_text(encoding="utf-8").endswith("\n"), 5)


EDITORS = {"emacs": emacs, "vim": vim, "helix": helix}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("editor", choices=EDITORS)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--server", required=True)
    parser.add_argument("--work", required=True, type=Path)
    options = parser.parse_args()
    failed = 0
    for case in CASES:
        session = Session(options, case)
        try:
            EDITORS[options.editor](session)
            session.check()
            print(f"ok      {options.editor} {case}", flush=True)
        except Failure as failure:
            failed += 1
            print(f"FAILED  {options.editor} {case}: {failure}\n{session.screen()}", flush=True)
        finally:
            session.tmux("kill-server")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
