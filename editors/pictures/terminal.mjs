// A terminal on a page: xterm.js, the one that VS Code has, with a program on a pseudo-terminal of its
// own behind it. Both come with the code-server that fetch-vscode puts into the test cache. So one
// camera takes VS Code and what runs in a terminal, and the keys come the same way.
//
// The program sees a terminal that answers (colours, sizes, cursor shapes); the page draws what the
// program writes. Nothing of it is drawn by us.
import { createRequire } from 'node:module';
import path from 'node:path';
import { Failure, waitFor } from '../../tests/editors/vscode.mjs';

const FONT = { fontFamily: "'DejaVu Sans Mono', monospace", fontSize: 14, lineHeight: 1.15 };
const PADDING = 10;

export class Terminal {
  // Parts: the folder that fetch-vscode made.
  constructor(page, parts) {
    this.page = page;
    const modules = path.join(path.resolve(parts), 'node_modules/code-server/lib/vscode/node_modules');
    this.xterm = path.join(modules, '@xterm/xterm');
    this.spawn = createRequire(path.join(modules, 'index.js'))('node-pty').spawn;
    this.ended = undefined;
  }

  // Lays out a terminal of so many columns and rows, the page just as large, and starts the command.
  async start([program, ...args], { columns, rows, background, folder, environment }) {
    const { page } = this;
    await page.setContent(`<body style="margin: 0; padding: ${PADDING}px; background: ${background}">
      <div id="terminal" style="display: inline-block"></div></body>`);
    await page.addStyleTag({ path: path.join(this.xterm, 'css/xterm.css') });
    await page.addScriptTag({ path: path.join(this.xterm, 'lib/xterm.js') });
    await page.exposeFunction('toProgram', (data) => this.program?.write(data));
    await page.evaluate(
      (options) => {
        const terminal = new Terminal({ ...options, allowProposedApi: true, scrollback: 0 });
        terminal.onData((data) => window.toProgram(data));
        terminal.open(document.getElementById('terminal'));
        terminal.focus();
        window.terminal = terminal;
      },
      { ...FONT, cols: columns, rows, theme: { background, cursor: '#d0d0d0' } },
    );
    const { width, height } = await page.locator('.xterm-screen').boundingBox();
    const around = (size) => Math.ceil(size) + 2 * PADDING;
    await page.setViewportSize({ width: around(width), height: around(height) });

    this.program = this.spawn(program, args, {
      name: 'xterm-256color', cols: columns, rows, cwd: folder, env: environment,
    });
    this.program.onExit(({ exitCode }) => {
      this.ended = exitCode;
    });
    // In order: a write is over when the page has drawn it.
    let writes = Promise.resolve();
    this.program.onData((data) => {
      const write = () => page.evaluate((text) =>
        new Promise((done) => window.terminal.write(text, done)), data);
      writes = writes.then(write).catch(() => {}); // the page is closed at the end
    });
  }

  // What is on the screen, lines joined with newlines.
  screen() {
    return this.page.evaluate(() => {
      const { active } = window.terminal.buffer;
      const rows = Array.from({ length: window.terminal.rows }, (_, row) => active.getLine(row));
      return rows.map((row) => row?.translateToString(true) ?? '').join('\n');
    });
  }

  waitForText(text) {
    return waitFor(`"${text}" on the screen`, async () => {
      const screen = await this.screen();
      if (this.ended !== undefined) {
        throw new Failure(`the program ended with ${this.ended}; the screen was\n${screen}`);
      }
      return screen.includes(text);
    }, 30_000);
  }

  stop() {
    this.program?.kill('SIGKILL');
  }
}
