#!/usr/bin/env python3
"""A test-only language server with fixed suggestions, to try the client tests without a model.

Whatever the file, the line that is being typed is completed to one of LINES. Not a stand-in for
espalier in any test that is registered.
"""

import json
import sys

LINES = ["return total + count;", "return total - count;", "value = total * count"]
documents = {}


def read():
    length = 0
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return None
        if line == b"\r\n":
            return json.loads(sys.stdin.buffer.read(length))
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def complete(params):
    position = params["position"]
    line = documents[params["textDocument"]["uri"]].split("\n")[position["line"]]
    typed = line[: position["character"]].lstrip()
    start = {"line": position["line"], "character": position["character"] - len(typed)}
    return {
        "items": [
            {"insertText": text, "range": {"start": start, "end": position}}
            for text in LINES
            if typed and text.startswith(typed) and text != typed
        ]
    }


def main():
    while (message := read()) is not None:
        method, params = message.get("method"), message.get("params")
        result = None
        if method == "initialize":
            result = {
                "capabilities": {
                    "positionEncoding": "utf-16",
                    "textDocumentSync": 1,
                    "inlineCompletionProvider": True,
                }
            }
        elif method == "textDocument/didOpen":
            documents[params["textDocument"]["uri"]] = params["textDocument"]["text"]
        elif method == "textDocument/didChange":
            documents[params["textDocument"]["uri"]] = params["contentChanges"][-1]["text"]
        elif method == "textDocument/inlineCompletion":
            result = complete(params)
        elif method == "espalier/status":
            result = {"state": "ready", "model": {"name": "none"}}
        elif method == "exit":
            return
        if "id" in message and method:
            send({"id": message["id"], "result": result})


main()
