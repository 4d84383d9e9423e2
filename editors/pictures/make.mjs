// Takes the pictures: see `make`, which finds what this needs and starts it.
//
// An editor is a page (a real VS Code in the browser, or a terminal with a real editor in it) and what is
// asked of it: is the server's newest answer on the screen? A scene is a file with one mark that says
// what is typed there, in which ⏎ is Enter, and ⇥ waits for a suggestion and accepts it, ↓ a line of it.
// Pauses are set for readers; what comes, and how soon, is not.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  Conversation, Editor, Failure, WAIT, ghostOf, launchBrowser, loadCase, plain, restOf, sleep, waitFor,
  waitForGhost, writeTap,
} from '../../tests/editors/vscode.mjs';
import { Camera } from './camera.mjs';
import { Terminal } from './terminal.mjs';

const here = import.meta.dirname;
const README = fs.readFileSync(path.join(here, '../README.md'), 'utf8');
const SCALE = 1.5; // pixels of a picture for one of the page: about 1000 in all
const COLUMNS = 76;
const ROWS = 24;
const KEY = 50; // milliseconds
const LOOK = 1200;
const REST = 500;

// The block of the README next to this folder: the set-up that is shown is the one that is told.
function block(language) {
  const [, found] = new RegExp('```' + language + '\\n(.*?)```', 's').exec(README) ?? [];
  if (found === undefined) {
    throw new Failure(`editors/README.md has no block of ${language}`);
  }
  return found;
}

function put(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

// A terminal with an editor in it, in folders of its own. The server is found in PATH, behind a tap.
class Stage {
  constructor(name, scene, page, options) {
    Object.assign(this, { name, page, options });
    this.work = path.join(options.work, name);
    this.folder = path.join(this.work, 'project');
    this.scene = loadCase(path.join(here, 'scenes', scene));
    this.file = path.join(this.folder, scene);
    this.talk = new Conversation(path.join(this.work, 'lsp.log'));
    this.terminal = new Terminal(page, options.parts);
    options.atEnd(() => this.terminal.stop());
    put(this.file, this.scene.text);
    fs.mkdirSync(path.join(this.work, 'bin'));
    writeTap(path.join(this.work, 'bin/espalier'), options, this.talk.file);
    fs.mkdirSync(path.join(this.work, 'run'), { mode: 0o700 });
    const { HELIX_RUNTIME, ESPALIER_MODEL } = process.env;
    this.environment = {
      ...(HELIX_RUNTIME && { HELIX_RUNTIME }),
      ...(ESPALIER_MODEL && { ESPALIER_MODEL }),
      PATH: `${path.join(this.work, 'bin')}:${process.env.PATH}`,
      HOME: this.work,
      LC_ALL: 'C.UTF-8',
      TERM: 'xterm-256color',
      COLORTERM: 'truecolor',
      XDG_CONFIG_HOME: path.join(this.work, 'config'),
      XDG_DATA_HOME: path.join(this.work, 'data'),
      XDG_CACHE_HOME: path.join(this.work, 'cache'),
      XDG_STATE_HOME: path.join(this.work, 'state'),
      XDG_RUNTIME_DIR: path.join(this.work, 'run'),
    };
  }

  async start(command, background) {
    const { folder, environment } = this;
    await this.terminal.start(command, { columns: COLUMNS, rows: ROWS, background, folder, environment });
    await this.terminal.waitForText(path.basename(this.file));
    await waitFor('the server', () => this.talk.said('textDocument/didOpen').length > 0);
  }

  async type(text) {
    for (const character of text) {
      await this.page.keyboard.press(character === '⏎' ? 'Enter' : character);
      await sleep(KEY);
    }
  }

  async keys(...names) {
    for (const name of names) {
      await this.page.keyboard.press(name);
      await sleep(KEY);
    }
  }

  // Waits until the first item of the newest answer is on the screen once more than in the text.
  async waitForMenu(typed) {
    const text = this.scene.text + typed;
    await waitFor("a menu with the server's answer", async () => {
      const { item } = this.talk.lastCompletion('textDocument/completion');
      const label = item?.label.trim().slice(0, 20);
      const count = (shown) => shown.split(label).length - 1;
      return label && count(await this.terminal.screen()) > count(text) && (this.shown = [item.label]);
    });
  }
}

const NVIM_INIT = `
vim.o.swapfile = false
vim.o.shadafile = 'NONE'
vim.o.number = true
vim.o.laststatus = 2
vim.o.ruler = false
vim.o.statusline = ' %f %m%=%{v:lua.require("espalier").status()}  %l:%c '
vim.api.nvim_set_hl(0, 'ComplHint', { fg = '#8b929b' }) -- the default is hard to read in a small picture
vim.opt.runtimepath:prepend('${path.join(here, '../nvim')}')
require('espalier').setup()

-- What stands in the window beside the buffer's text.
function VirtualText()
  local found = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, { details = true })) do
    local lines = vim.list_extend({ mark[4].virt_text or {} }, mark[4].virt_lines or {})
    for _, line in ipairs(lines) do
      for _, chunk in ipairs(line) do
        found[#found + 1] = chunk[1]
      end
      found[#found + 1] = ' '
    end
  end
  return table.concat(found)
end
`;

async function nvim(page, options) {
  const stage = new Stage('nvim', 'inventory.py', page, options);
  const init = path.join(stage.work, 'init.lua');
  const socket = path.join(stage.work, 'run/nvim');
  put(init, NVIM_INIT);
  const file = path.basename(stage.file);
  await stage.start([options.nvim, '-u', init, '--listen', socket, file], '#14161b');
  await stage.type(`:${stage.scene.line}⏎A`);
  const remote = async (expression) => {
    const asked = ['--server', socket, '--remote-expr', expression];
    return (await promisify(execFile)(options.nvim, asked, { env: stage.environment })).stdout;
  };
  return {
    typed: stage.scene.typed,
    accept: { '⇥': 'Tab', '↓': 'Alt+l' },
    waitForGhost: () => waitFor("virtual text that is the server's answer", async () => {
      const { item, position } = stage.talk.lastCompletion();
      if (!item) {
        return false;
      }
      const wanted = plain(restOf(item, position));
      const [virtual, screen] = [await remote('v:lua.VirtualText()'), await stage.terminal.screen()];
      return plain(virtual) === wanted && plain(screen).includes(wanted) && wanted;
    }),
    ghost: async () => plain(await remote('v:lua.VirtualText()')),
  };
}

async function vscode(page, options) {
  const work = path.join(options.work, 'vscode');
  fs.mkdirSync(work, { recursive: true });
  const editor = new Editor({ ...options, editor: options.parts }, work, {
    'breadcrumbs.enabled': false,
    'chat.disableAIFeatures': true,
    'editor.autoIndent': 'full',
    'editor.cursorBlinking': 'solid',
    'editor.folding': false,
    'editor.fontFamily': "'DejaVu Sans Mono', monospace",
    'editor.fontSize': 14,
    'editor.hideCursorInOverviewRuler': true,
    'editor.inlineSuggest.showToolbar': 'never',
    'editor.lineNumbersMinChars': 3,
    'editor.matchBrackets': 'never',
    'editor.occurrencesHighlight': 'off',
    'editor.overviewRulerBorder': false,
    'editor.renderLineHighlight': 'none',
    'editor.scrollBeyondLastLine': false,
    'editor.scrollbar.vertical': 'hidden',
    'editor.stickyScroll.enabled': false,
    'window.commandCenter': false,
    'window.menuBarVisibility': 'hidden',
    'workbench.activityBar.location': 'hidden',
    'workbench.editor.editorActionsLocation': 'hidden',
    'workbench.layoutControl.enabled': false,
    'workbench.sideBar.visible': false,
  });
  const scene = loadCase(path.join(here, 'scenes/vector.c'));
  const folder = path.join(work, 'project');
  const file = path.join(folder, 'vector.c');
  put(file, scene.text);
  editor.prepare();
  options.atEnd(() => editor.stop());
  await editor.start();
  await page.setViewportSize({ width: 660, height: 558 });
  await editor.open(page, folder, file, scene);
  if (await page.locator('.part.sidebar').isVisible()) {
    await page.keyboard.press('Control+b');
  }
  await page.mouse.move(400, 520); // where nothing answers to it
  const state = page.locator('.statusbar-item', { hasText: 'Espalier' }).first();
  await waitFor('the server to be ready', async () => plain(await state.innerText()) === 'Espalier');
  const turning = page.locator('.statusbar .codicon-modifier-spin, .statusbar .codicon-loading');
  await waitFor('the status bar to rest', async () => (await turning.count()) === 0);
  await sleep(3000); // what else an editor shows while it starts is gone
  return {
    typed: scene.typed,
    accept: { '⇥': 'Tab', '↓': 'Control+Alt+ArrowRight' },
    waitForGhost: async () => {
      const { item, position } = await waitForGhost(page, editor.talk);
      return plain(restOf(item, position));
    },
    ghost: async () => plain(await ghostOf(page)),
  };
}

// Types a scene into an editor, and films it.
async function film(editor, camera, page, file, work) {
  const shown = [];
  camera.start();
  await sleep(REST);
  for (const character of editor.typed) {
    if (editor.accept[character]) {
      const ghost = await editor.waitForGhost();
      if (ghost.length > Math.max(0, ...shown.map((text) => text.length))) {
        await camera.chooseStill();
      }
      shown.push(ghost);
      await sleep(LOOK);
      await page.keyboard.press(editor.accept[character]);
      await waitFor('the suggestion to be accepted', async () => (await editor.ghost()) !== ghost);
      await sleep(REST);
    } else {
      await page.keyboard.press(character === '⏎' ? 'Enter' : character);
      await sleep(character === '⏎' ? REST / 2 : KEY);
    }
  }
  await sleep(REST);
  await camera.stop();
  camera.develop(file, work);
  return shown;
}

// The editors with a menu: the same method is written up to a word, then items are asked for.
const MENU_LINES = 'def remove(self, name, count):';

async function vim(page, options) {
  const stage = new Stage('vim', 'inventory.py', page, options);
  const init = path.join(stage.work, 'vimrc');
  put(init, `set nocompatible noswapfile viminfo= number\nfiletype plugin indent on\nsyntax on\n${block('vim')}`);
  await stage.start([options.vim, '-n', '-u', init, path.basename(stage.file)], '#000000');
  await stage.type(`:${stage.scene.line}⏎A${MENU_LINES}⏎if`);
  await stage.waitForMenu(MENU_LINES);
  return stage;
}

async function helix(page, options) {
  const stage = new Stage('helix', 'inventory.py', page, options);
  put(path.join(stage.work, 'config/helix/languages.toml'), block('toml'));
  put(path.join(stage.work, 'config/helix/config.toml'), '[editor]\nauto-pairs = false\nindent-heuristic = "simple"\n');
  await stage.start([options.helix, path.basename(stage.file)], '#3b224c');
  await stage.type(`${stage.scene.line}GA${MENU_LINES}⏎    `);
  await stage.keys('Control+x');
  await stage.waitForMenu(MENU_LINES);
  return stage;
}

async function emacs(page, options) {
  const stage = new Stage('emacs', 'inventory.py', page, options);
  const init = path.join(stage.work, 'init.el');
  put(init, `(setq inhibit-startup-screen t make-backup-files nil)\n(menu-bar-mode -1)\n${block('elisp')}`);
  // Emacs lists items only when there are several.
  put(path.join(stage.folder, 'espalier.json'), JSON.stringify({ completion: { items: 3 } }));
  const quiet = ['--eval', '(setq native-comp-deferred-compilation nil)']; // it warns of Emacs' own files
  const command = [options.emacs, '-nw', '-q', ...quiet, '-f', 'package-initialize', '-l', init];
  command.push(path.basename(stage.file));
  await stage.start(command, '#000000');
  await stage.keys('Alt+g', 'g');
  await stage.type(`${stage.scene.line}⏎`);
  await stage.keys('Control+e');
  await stage.type(`${MENU_LINES}⏎`);
  await stage.keys('Escape', 'Tab');
  await stage.waitForMenu(MENU_LINES);
  return stage;
}

const FILMED = { vscode, nvim };
const STILLS = { helix, emacs, vim };

async function take(name, browser, given) {
  const endings = [];
  const options = { ...given, atEnd: (end) => endings.push(end) };
  const page = await browser.newPage({ deviceScaleFactor: SCALE });
  page.setDefaultTimeout(WAIT);
  const camera = await Camera.of(page);
  const work = path.join(options.work, name);
  const picture = path.join(work, `${name}.png`);
  fs.rmSync(work, { recursive: true, force: true });
  let shown;
  try {
    if (FILMED[name]) {
      shown = await film(await FILMED[name](page, options), camera, page, picture, path.join(work, 'frames'));
    } else {
      ({ shown } = await STILLS[name](page, options));
      await sleep(4 * REST); // what turns in a status line has come to rest
      await camera.still(picture);
    }
    fs.copyFileSync(picture, path.join(here, `${name}.png`));
    const size = Math.round(fs.statSync(picture).size / 1000);
    console.log(`${name}.png (${size} kB): ${shown.map((text) => JSON.stringify(text)).join(', ')}`);
  } catch (cause) {
    const seen = path.join(work, 'failure.png');
    await camera.stop().catch(() => {});
    await camera.still(seen).catch(() => {});
    throw new Failure(`${name}: ${cause.message}\nwhat was on the screen: ${seen}`);
  } finally {
    endings.forEach((end) => end());
    await page.close();
  }
}

async function main() {
  const names = ['parts', 'vsix', 'nvim', 'helix', 'emacs', 'vim', 'server', 'python', 'work'];
  const { values, positionals } = parseArgs({
    options: Object.fromEntries([...names, 'chromium'].map((name) => [name, { type: 'string' }])),
    allowPositionals: true,
  });
  const options = { chromium: '/usr/bin/chromium', ...values, work: path.resolve(values.work) };
  const browser = await launchBrowser(options.parts, options.chromium, [
    '--disable-lcd-text', `--force-device-scale-factor=${SCALE}`,
  ]);
  try {
    for (const name of positionals) {
      await take(name, browser, options);
    }
  } catch (cause) {
    console.error(`make: error: ${cause.message}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

await main();
