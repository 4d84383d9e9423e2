// Drives a real VS Code in a real browser against the language server.
//
//   node vscode_test.mjs --editor FOLDER --vsix FILE --server "COMMAND..." --work FOLDER
//
// The packaged extension is installed into a private code-server; headless chromium opens a folder,
// types, and looks at the page as a person would. As in nvim_test.py, what the ghost text should be
// is not written here: a tap between client and server logs what the server answered, and the page
// and the saved file are compared with that. A failure leaves a screenshot in the work folder.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  Editor, Failure, WAIT, applyItem, ghostOf, launchBrowser, loadCase, plain, restOf, sleep, waitFor,
  waitForGhost,
} from './vscode.mjs';

const here = import.meta.dirname;

async function openCase(page, editor, name) {
  const wanted = loadCase(path.join(here, 'cases', name));
  const folder = path.join(editor.work, 'folder');
  const file = path.join(folder, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(file, wanted.text);
  await editor.open(page, folder, file, wanted);
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
  const { range, text } = await waitFor(`a change of the text by ${key}`, () => changes()[before]);
  // While VS Code has not taken up the newest answer, it writes what was accepted before once more.
  return text.slice(range.end.character - range.start.character);
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

  async 'a finding is shown where it is, and mended by its quick fix'({ page, editor }) {
    const { file, complete } = await openCase(page, editor, 'review.py');
    await page.keyboard.press('Escape');
    await page.locator('.squiggly-warning').first().waitFor();
    if (editor.talk.said('textDocument/diagnostic').length === 0) {
      throw new Failure('VS Code did not ask for diagnostics');
    }
    await runCommand(page, 'Go to Next Problem (Error, Warning, Info)');
    await page.locator('.marker-widget', { hasText: 'literal-identity' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+.');
    await page.locator('.action-widget .monaco-list-row', { hasText: 'Change to' }).click();
    await page.locator('.squiggly-warning').first().waitFor({ state: 'hidden' });
    expect('the file after the fix', await save(page, file),
      complete.replace('value is 1', 'value == 1'));
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

  const editor = new Editor(options, work);
  let browser;
  const state = {};
  try {
    editor.prepare();
    await editor.start();
    browser = await launchBrowser(options.editor, options.chromium);
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
