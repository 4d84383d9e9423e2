import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The program to start: what the setting names, else the one in the extension's own folder, else
 * the name alone, which is looked up in PATH when it is started. A setting is taken at its word
 * even if nothing is there, so that the error names it.
 */
export function findServer(setting: string, extensionPath: string): string {
  const wanted = setting.trim();
  if (wanted !== '') {
    return wanted.startsWith('~/') ? path.join(os.homedir(), wanted.slice(2)) : wanted;
  }
  const name = process.platform === 'win32' ? 'espalier.exe' : 'espalier';
  const bundled = path.join(extensionPath, 'bin', name);
  return isProgram(bundled) ? bundled : name;
}
