#!/usr/bin/env python3
"""Stands between an editor and a language server and writes down what they say.

    lsp_tap.py LOG COMMAND [ARGUMENT...]

Bytes pass through unchanged in both directions; each message is appended to LOG as one line of
JSON: {"time", "from": "client"|"server", "message"}. It is how the client tests know what the
server really answered. What the server prints on stderr goes to LOG.stderr.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time


class Frames:
    """Cuts a byte stream into the JSON bodies of its messages."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data):
        self.buffer += data
        while True:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = None
            for line in self.buffer[:head].split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.strip().lower() == b"content-length":
                    length = int(value)
            if length is None:
                raise ValueError("a message without Content-Length")
            start = head + 4
            if len(self.buffer) < start + length:
                return
            yield json.loads(self.buffer[start : start + length])
            self.buffer = self.buffer[start + length :]


def main():
    log_path, command = sys.argv[1], sys.argv[2:]
    lock = threading.Lock()
    log = open(log_path, "a", encoding="utf-8")
    errors = open(log_path + ".stderr", "ab")
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
    )
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda number, frame: server.terminate())

    def note(sender, message):
        entry = {"time": time.time(), "from": sender, "message": message}
        with lock:
            log.write(json.dumps(entry) + "\n")
            log.flush()

    def pump(sender, source, sink):
        frames = Frames()
        while True:
            data = os.read(source, 65536)
            if not data:
                break
            # Written down first: a test that saw an effect on the screen finds its cause here.
            try:
                for message in frames.feed(data):
                    note(sender, message)
            except ValueError as cause:
                note(sender, {"malformed": str(cause)})
            try:
                while data:
                    data = data[os.write(sink, data) :]
            except BrokenPipeError:
                break
        os.close(sink)

    threading.Thread(
        target=pump, args=("client", 0, server.stdin.fileno()), daemon=True
    ).start()
    pump("server", server.stdout.fileno(), os.dup(1))
    sys.exit(server.wait())


if __name__ == "__main__":
    main()
