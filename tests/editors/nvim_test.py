#!/usr/bin/env python3
"""Drives a real Neovim in a real terminal against the language server.

    nvim_test.py --nvim NVIM --server "COMMAND..." --work FOLDER [--only NAME]

Neovim runs in a private tmux server; keys are sent and the screen is read as a person would.
Ghost text is told from the buffer's text by its colour. What it should be is not written here: a
tap between client and server logs what the server answered, and the screen and the saved file are
compared with that answer.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLUGIN = HERE.parent.parent / "editors" / "nvim"
GHOST_COLOUR = "38;2;255;0;255"
WAIT = 60.0


class Failure(Exception):
    pass


def wait_for(what, probe, seconds=WAIT):
    """Polls until the probe returns something true."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.03)


class Conversation:
    """What client and server said, from the tap's log."""

    def __init__(self, path):
        self.path = path

    def entries(self):
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        complete = text[: text.rfind("\n") + 1]
        return [json.loads(line) for line in complete.splitlines()]

    def answers(self, method):
        """(params, result) of every answered request of this method, in the answers' order."""
        asked, found = {}, []
        for entry in self.entries():
            message = entry["message"]
            if entry["from"] == "client" and message.get("method") == method:
                asked[message["id"]] = message["params"]
            elif entry["from"] == "server" and "method" not in message:
                params = asked.pop(message.get("id"), None)
                if params is not None and "result" in message:
                    found.append((params, message["result"]))
        return found

    def said(self, method):
        """The parameters of the client's notifications of this method."""
        return [
            entry["message"]["params"]
            for entry in self.entries()
            if entry["from"] == "client" and entry["message"].get("method") == method
        ]

    def last_items(self):
        """Position and items of the newest answered inline completion."""
        answers = self.answers("textDocument/inlineCompletion")
        if not answers:
            return None, []
        params, result = answers[-1]
        return params["position"], items_of(result)


def items_of(result):
    return result["items"] if isinstance(result, dict) else (result or [])


UNIT_BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class Places:
    """Positions of the protocol in a text, in the encoding that the two agreed on."""

    def __init__(self, encoding):
        self.codec, self.unit = UNIT_BYTES[encoding]

    def cut(self, text, character):
        """The text before and after so many units."""
        raw, end = text.encode(self.codec), character * self.unit
        return raw[:end].decode(self.codec), raw[end:].decode(self.codec)

    def length(self, text):
        return len(text.encode(self.codec)) // self.unit

    def offset(self, text, position):
        lines = text.split("\n")
        before, _ = self.cut(lines[position["line"]], position["character"])
        return sum(len(line) + 1 for line in lines[: position["line"]]) + len(before)

    def apply(self, text, item):
        start = self.offset(text, item["range"]["start"])
        end = self.offset(text, item["range"]["end"])
        return text[:start] + item["insertText"] + text[end:]

    def rest_of(self, item, position):
        """What of an item's text is still to come at the position."""
        start = item["range"]["start"]
        expect("line of the range", start["line"], position["line"])
        return self.cut(item["insertText"], position["character"] - start["character"])[1]


class Neovim:
    def __init__(self, options, name, file_name, text, setup):
        self.folder = options.work / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.file = self.folder / file_name
        setup = dict(setup)
        newline = setup.pop("newline", "\n")
        self.file.write_text(text, encoding="utf-8", newline=newline)
        self.talk = Conversation(self.folder / "lsp.log")
        self.socket = f"espalier-{name}-{os.getpid()}"
        command = [sys.executable, str(HERE / "lsp_tap.py"), str(self.talk.path)]
        command += shlex.split(options.server)
        init = self.folder / "init.lua"
        init.write_text(
            f"""
vim.o.termguicolors = true
vim.o.swapfile = false
vim.o.shadafile = 'NONE'
vim.o.laststatus = 2
vim.o.statusline = '%f [%{{v:lua.require("espalier").status()}}]'
vim.cmd('filetype indent off')
vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})
vim.api.nvim_set_hl(0, 'ComplHint', {{ fg = '#ff00ff' }})
require('espalier').setup(vim.json.decode([==[{json.dumps(dict(setup, cmd=command))}]==]))
"""
        )
        environment = {"XDG_CONFIG_DIRS": str(self.folder), "ESPALIER_TEST": "1"}
        for key in ("CONFIG", "DATA", "STATE", "CACHE"):
            environment[f"XDG_{key}_HOME"] = str(self.folder / key.lower())
        settings = [f"{key}={value}" for key, value in environment.items()]
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30",
            "env", "LC_ALL=C.UTF-8", "TERM=tmux-256color", "COLORTERM=truecolor", *settings,
            str(options.nvim), "-u", str(init), str(self.file),
        )  # fmt: skip
        # Without this a tmux client would wait half a second after each escape.
        self.tmux("set-option", "-s", "escape-time", "0")
        answer = wait_for("the initialize answer", lambda: self.talk.answers("initialize"))[0][1]
        self.places = Places(answer["capabilities"].get("positionEncoding", "utf-16"))
        wait_for("the file on the screen", lambda: file_name in self.screen())
        wait_for("didOpen", lambda: any(
            entry["message"].get("method") == "textDocument/didOpen"
            for entry in self.talk.entries()
        ))  # fmt: skip

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-u", "-L", self.socket, *arguments], capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            raise Failure(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def ghost(self):
        """The text on screen in the ghost text's colour, lines joined with newlines."""
        found, inside = [], False  # a colour lasts beyond the end of a line
        for line in self.tmux("capture-pane", "-p", "-e").split("\n"):
            part = ""
            for escape, character in re.findall(r"\x1b\[([0-9;:]*)m|(.)", line):
                if character:
                    part += character if inside else ""
                elif GHOST_COLOUR in escape.replace(":", ";"):
                    inside = True
                elif re.match(r"^(0?$|0;|39|38)", escape):
                    inside = False
            if part.strip():
                found.append(part)
        return "\n".join(found)

    def wait_for_ghost(self):
        """Waits until the screen shows what the server answered last; returns the item and its
        position."""

        def probe():
            position, items = self.talk.last_items()
            if not items:
                return None
            wanted = self.places.rest_of(items[0], position)
            return same_on_screen(self.ghost(), wanted) and (items[0], position)

        return wait_for("ghost text that is the server's answer", probe)

    def leave_insert(self):
        self.keys("Escape")
        wait_for("normal mode", lambda: "-- INSERT --" not in self.screen(), 3)

    def save(self):
        before = self.file.stat().st_mtime_ns
        self.leave_insert()
        self.type(":w\r")
        wait_for("the file to be written", lambda: self.file.stat().st_mtime_ns != before, 5)
        # The file is cut before it is written; the message comes when all is done.
        wait_for("the message about it", lambda: re.search(r"B written", self.screen()), 5)
        return self.file.read_text(encoding="utf-8")

    def close(self):
        try:
            self.keys("Escape")
            self.type(":qa!\r")
            wait_for("Neovim to end", lambda: not self.alive(), 5)
        except Failure:
            pass
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)

    def alive(self):
        probe = ["tmux", "-L", self.socket, "has-session"]
        return subprocess.run(probe, capture_output=True).returncode == 0


def same_on_screen(ghost, wanted):
    """A screen has no trailing blanks, shows tabs as blanks, and empty lines have no colour."""

    def plain(text):
        lines = [re.sub(r"\s+", " ", line).strip() for line in text.split("\n")]
        return [line for line in lines if line]

    return ghost != "" and plain(ghost) == plain(wanted)


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: got\n{got}\nwanted\n{wanted}")


def load_case(name):
    """A case is a source file with the text to type in place of one <|type:...|> mark."""
    path = HERE / "cases" / name
    match = re.search(r"<\|type:(.*?)\|>", path.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    return text[: match.start()] + text[match.end() :], match.group(1), match.start()


def place_cursor(vim, text, offset):
    """Puts the cursor into insert mode at the end of the offset's line."""
    vim.keys("Escape")
    vim.type(f":{text.count(chr(10), 0, offset) + 1}\r")
    vim.type("A")


def with_case(options, name, case, body, setup):
    text, typed, offset = load_case(case)
    vim = Neovim(options, name, case, text, setup)
    try:
        place_cursor(vim, text, offset)
        vim.type(typed)
        body(vim, text[:offset] + typed + text[offset:], offset + len(typed))
    except Failure as failure:
        shown = vim.screen() if vim.alive() else "(Neovim has ended)"
        raise Failure(f"{failure}\nscreen:\n{shown}\nlog: {vim.talk.path}") from None
    finally:
        vim.close()


def accept(vim, text, cursor):
    """Ghost text appears, is the server's answer, and <Tab> puts exactly it into the file."""
    item, _ = vim.wait_for_ghost()
    vim.keys("Tab")
    expect("the file after <Tab>", vim.save(), vim.places.apply(text, item))


def type_through(vim, text, cursor):
    """Typing what is suggested keeps the rest on screen; <Tab> at once does not double it."""
    item, position = vim.wait_for_ghost()
    rest = vim.places.rest_of(item, position)
    if len(rest.split("\n")[0]) < 3:
        raise Failure(f"the suggestion {rest!r} is too short to type into; change the case")
    vim.type(rest[0])
    wait_for("the rest of the ghost text", lambda: same_on_screen(vim.ghost(), rest[1:]), 2)
    # One tmux call: the key arrives long before the client asks again.
    vim.tmux("send-keys", "-l", rest[1], ";", "send-keys", "Tab")
    time.sleep(0.1)
    # On a busy machine an answer for the text as typed may have come before the key.
    answers = vim.talk.answers("textDocument/inlineCompletion")
    typed = {position["character"]: text}
    for count in (1, 2):
        typed[position["character"] + count] = text[:cursor] + rest[:count] + text[cursor:]
    saved = vim.save()
    for params, result in answers:
        before = typed.get(params["position"]["character"])
        if before and saved in [vim.places.apply(before, item) for item in items_of(result)]:
            return
    expect("the file after typing through", saved, vim.places.apply(text, item))


def type_against(vim, text, cursor):
    """Typing something else and <Tab> at once is a tab, not the suggestion that was."""
    vim.wait_for_ghost()
    vim.tmux("send-keys", "-l", "?", ";", "send-keys", "Tab")
    time.sleep(0.1)
    expect("the file after typing against", vim.save(), text[:cursor] + "?\t" + text[cursor:])


def restart(vim, text, cursor):
    """After :Espalier restart there is a new server, and suggestions and keys as before."""
    vim.wait_for_ghost()
    vim.leave_insert()
    vim.type(":Espalier restart\r")
    wait_for("a second initialize", lambda: len(vim.talk.answers("initialize")) == 2, 10)
    asked = len(vim.talk.answers("textDocument/inlineCompletion"))
    vim.type("a")
    wait_for(
        "an answer of the new server",
        lambda: len(vim.talk.answers("textDocument/inlineCompletion")) > asked,
    )
    item, _ = vim.wait_for_ghost()
    vim.keys("Tab")
    expect("the file after <Tab>", vim.save(), vim.places.apply(text, item))


def leave_insert_mode(vim, text, cursor):
    """Leaving insert mode takes the ghost text away, and no late answer brings it back."""
    vim.wait_for_ghost()
    vim.leave_insert()
    expect("ghost text in normal mode", vim.ghost(), "")
    # Again, leaving while the request is about to go or under way.
    vim.type("a")
    time.sleep(0.2)
    vim.leave_insert()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        expect("ghost text in normal mode", vim.ghost(), "")
        time.sleep(0.05)
    expect("the file, nothing accepted", vim.save(), text)


def switch_off(vim, text, cursor):
    """Switched off, no ghost text comes and <Tab> is a tab again; :Espalier status answers."""
    vim.wait_for_ghost()
    vim.leave_insert()
    vim.type(":Espalier status\r")
    wait_for("the status", lambda: "inline completion on" in vim.screen(), 5)
    if not vim.talk.answers("espalier/status"):
        raise Failure("the server did not answer espalier/status")
    vim.type(":Espalier toggle\r")
    wait_for("the switch", lambda: "inline completion off" in vim.screen(), 5)
    wait_for("the statusline", lambda: "[off]" in vim.screen(), 5)
    vim.type("A ")
    time.sleep(0.6)
    expect("ghost text while switched off", vim.ghost(), "")
    vim.keys("Tab")
    time.sleep(0.1)
    expect("the file", vim.save(), text[:cursor] + " \t" + text[cursor:])


def first_word(text):
    return re.match(r"\s*(?:\w+|[^\w\s]+)?", text).group()


def first_line(text):
    return re.match(r"\n*[^\n]*", text).group()


def accept_part(key, part):
    """The key puts a part into the file; the rest is on screen at once, the server says the same
    of it, and <Tab> completes the suggestion. Undo takes one step after the other back."""

    def body(vim, text, cursor):
        item, position = vim.wait_for_ghost()
        rest = vim.places.rest_of(item, position)
        taken = part(rest)
        asked = len(vim.talk.answers("textDocument/inlineCompletion"))
        vim.keys(key)
        told = wait_for("the report", lambda: vim.talk.said("espalier/didPartiallyAcceptCompletion"))
        expect("the accepted length", told[0]["acceptedLength"], vim.places.length(taken))
        if taken == rest:
            wait_for("no ghost text", lambda: vim.ghost() == "", 5)
        else:
            # Before any answer can have come; there may be one on a very busy machine.
            wait_for("the rest", lambda: same_on_screen(vim.ghost(), rest[len(taken) :]), 5)
            wait_for("another answer", lambda: len(
                vim.talk.answers("textDocument/inlineCompletion")) > asked)  # fmt: skip
            again, place = vim.wait_for_ghost()
            expect("the rest from the server", vim.places.rest_of(again, place), rest[len(taken) :])
            vim.keys("Tab")
            wait_for("no ghost text", lambda: vim.ghost() == "", 5)
        whole = vim.places.apply(text, item)
        expect("the file with all of it", vim.save(), whole)
        if taken != rest:
            vim.type("u")
            expect("after one undo", vim.save(), text[:cursor] + taken + text[cursor:])
        vim.type("u")
        expect("with all that was accepted undone", vim.save(), text)

    return body


def accept_crlf(vim, text, cursor):
    """Line ends of the file stay what they are, also in a suggestion of several lines."""
    item, _ = vim.wait_for_ghost()
    vim.keys("Tab")
    plain = dict(item, insertText=item["insertText"].replace("\r\n", "\n"))
    expect("the file after <Tab>", vim.save(), vim.places.apply(text, plain))
    raw = vim.file.read_bytes()
    expect("line ends", raw.count(b"\r\n") * 2, raw.count(b"\n") + raw.count(b"\r"))


def undo(vim, text, cursor):
    """What is accepted is undone alone; what was typed before it stays, and redo brings it back."""
    item, _ = vim.wait_for_ghost()
    vim.keys("Tab")
    wait_for("no ghost text", lambda: vim.ghost() == "", 5)
    vim.type("!")
    vim.leave_insert()
    vim.type("u")
    expect("the file after undo", vim.save(), text)
    vim.keys("C-r")
    whole = vim.places.apply(text, item)
    end = vim.places.offset(text, item["range"]["start"]) + len(item["insertText"])
    expect("the file after redo", vim.save(), whole[:end] + "!" + whole[end:])


def dismiss(vim, text, cursor):
    """<C-]> takes the suggestion away, and <Tab> is a tab then."""
    vim.wait_for_ghost()
    vim.keys("C-]")
    wait_for("no ghost text", lambda: vim.ghost() == "", 5)
    vim.keys("Tab")
    expect("the file", vim.save(), text[:cursor] + "\t" + text[cursor:])


def switch_filetype(vim, text, cursor):
    """A filetype that is off stays off in a buffer opened later; switched on, ghost text comes."""
    wait_for("the statusline", lambda: "[off]" in vim.screen(), 10)
    time.sleep(0.6)
    expect("ghost text while switched off", vim.ghost(), "")
    vim.save()
    other = vim.file.with_name("other.c")
    other.write_text(text, encoding="utf-8")
    vim.type(f":e %:h/{other.name}\r")
    wait_for("the other file", lambda: "other.c [off]" in vim.screen(), 10)
    vim.type(":Espalier toggle filetype\r")
    wait_for("the switch", lambda: "inline completion on for c" in vim.screen(), 5)
    wait_for("the statusline", lambda: "other.c [ready]" in vim.screen())
    place_cursor(vim, text, cursor)
    vim.wait_for_ghost()


def plug_mappings(vim, text, cursor):
    """Without keys of its own, the <Plug> mappings do what they are mapped to."""
    item, position = vim.wait_for_ghost()
    vim.leave_insert()
    vim.type(":imap <C-l> <Plug>(espalier-accept-word)\r")
    vim.type("A")
    item, position = vim.wait_for_ghost()
    word = first_word(vim.places.rest_of(item, position))
    vim.keys("C-l")
    wait_for("the report", lambda: vim.talk.said("espalier/didPartiallyAcceptCompletion"))
    expect("the file", vim.save(), text[:cursor] + word + text[cursor:])


def review(vim, text, cursor):
    """A finding becomes a diagnostic where it is, and its code action mends the text."""
    vim.leave_insert()
    column = text.split("\n")[1].encode().index(b"value is 1")
    wanted = f"literal-identity 1:{column}"
    vim.type(":lua function _G.Found() local d = vim.diagnostic.get(0)[1] "
             "return d and d.code .. ' ' .. d.lnum .. ':' .. d.col or '' end\r")  # fmt: skip
    vim.type(":set statusline=%{v:lua.Found()}\r")

    def found():
        vim.type(":redrawstatus\r")
        return wanted in vim.screen()

    wait_for("the diagnostic", found, 20)
    vim.type(":2\r")
    vim.type(f"0{text.split(chr(10))[1].index('value is 1')}l")
    vim.type(":lua vim.lsp.buf.code_action({apply = true, "
             "filter = function(a) return a.title:find('^Change to') end})\r")  # fmt: skip
    time.sleep(1)
    expect("the file", vim.save(), text.replace("value is 1", "value == 1"))


MULTILINE = {"settings": {"completion": {"multiline": "always"}}}

TESTS = {
    "accept-c": ("check.c", accept),
    "accept-python": ("counter.py", accept),
    "accept-unicode": ("unicode.c", accept),
    "accept-word": ("check.c", accept_part("M-w", first_word)),
    "accept-word-unicode": ("unicode.c", accept_part("M-w", first_word)),
    "accept-line": ("check.c", accept_part("M-l", first_line), MULTILINE),
    "accept-crlf": ("check.c", accept_crlf, dict(MULTILINE, newline="\r\n")),
    "undo": ("check.c", undo),
    "dismiss": ("check.c", dismiss),
    "plug-mappings": ("check.c", plug_mappings, {"keymaps": False}),
    "type-through": ("check.c", type_through),
    "type-against": ("check.c", type_against),
    "leave-insert-mode": ("check.c", leave_insert_mode),
    "switch-off": ("check.c", switch_off),
    "switch-filetype": ("check.c", switch_filetype, {"inline_completion": {"c": False}}),
    "restart": ("check.c", restart),
    "review": ("review.py", review),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nvim", required=True, type=Path)
    parser.add_argument("--server", required=True)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--only")
    options = parser.parse_args()
    failed = 0
    for name, (case, body, *setup) in TESTS.items():
        if options.only and options.only != name:
            continue
        start = time.monotonic()
        try:
            with_case(options, name, case, body, setup[0] if setup else {})
            print(f"ok      {name} ({time.monotonic() - start:.1f} s)", flush=True)
        except Failure as failure:
            failed += 1
            print(f"FAILED  {name}: {failure}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
