// Takes what a page shows, as it is: one picture, or all that it shows in a while. The second becomes an
// animated PNG (Debian's apngasm), where each frame stands as long as it stood on the page. Whoever
// cannot play it, or would rather not, sees the frame that was chosen as the still one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Failure, sleep } from '../../tests/editors/vscode.mjs';

const PAUSE = 40; // milliseconds between two frames, at least
const LAST = 3000; // how long the last frame stays before it begins again

export class Camera {
  static async of(page) {
    const camera = new Camera();
    camera.client = await page.context().newCDPSession(page);
    return camera;
  }

  // A picture as base64; quick ones are larger, which is nothing to a film, as apngasm packs it anew.
  async shoot(quick = true) {
    const options = { format: 'png', optimizeForSpeed: quick };
    return (await this.client.send('Page.captureScreenshot', options)).data;
  }

  async still(file) {
    fs.writeFileSync(file, Buffer.from(await this.shoot(false), 'base64'));
  }

  start() {
    this.frames = [];
    this.running = true;
    this.film = (async () => {
      while (this.running) {
        const time = Date.now();
        const data = await this.shoot();
        if (data !== this.frames.at(-1)?.data) {
          this.frames.push({ time, data });
        }
        await sleep(PAUSE);
      }
    })();
  }

  async stop() {
    this.running = false;
    await this.film;
  }

  // What is shown now is what the file shows where nothing moves.
  async chooseStill() {
    this.chosen = await this.shoot();
  }

  // Writes what was taken from start to stop.
  develop(file, work) {
    fs.rmSync(work, { recursive: true, force: true });
    fs.mkdirSync(work, { recursive: true });
    const put = (number, data, milliseconds) => {
      const name = path.join(work, `frame${String(number).padStart(4, '0')}`);
      fs.writeFileSync(`${name}.png`, Buffer.from(data, 'base64'));
      fs.writeFileSync(`${name}.txt`, `delay=${Math.round(milliseconds / 10)}/100\n`);
    };
    put(0, this.chosen, LAST);
    this.frames.forEach(({ time, data }, index) => {
      const next = this.frames[index + 1]?.time ?? time + LAST;
      put(index + 1, data, next - time);
    });
    // -f: the first is no frame of the film. -z0: the other ways of packing take minutes for 2 %.
    const command = [file, path.join(work, 'frame0000.png'), '-f', '-z0'];
    const made = spawnSync('apngasm', command, { encoding: 'utf8' });
    if (made.status !== 0 || !fs.existsSync(file)) {
      throw new Failure(`apngasm: ${made.error?.message ?? made.stdout.trim().split('\n').at(-1)}`);
    }
  }
}
