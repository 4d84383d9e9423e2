/**
 * Choosing a model file. What is listed are the files of folders that models were taken from
 * before: no disk is searched. A file is opened for its first bytes only; whether the model can be
 * used, the server says when it loads it.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';

const foldersKey = 'modelFolders';
const maxFolders = 8;
const magic = 'GGUF';

interface Choice extends vscode.QuickPickItem {
  /** undefined: none is named in the settings. */
  choose(): Promise<string | undefined | 'cancelled'>;
}

/** What is wrong with a file that should be a model; undefined when it may be one. */
async function complaintAbout(file: string): Promise<string | undefined> {
  const name = path.basename(file);
  try {
    const handle = await fs.open(file);
    try {
      const read = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
      const start = read.buffer.toString('latin1', 0, read.bytesRead);
      if (start === magic) {
        return undefined;
      }
      const found = start === '' ? 'it is empty' : `it begins with ${JSON.stringify(start)}`;
      return `${name} is not a GGUF file: ${found}; a model file begins with "${magic}".`;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    return `${name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

async function modelsIn(folder: string): Promise<string[]> {
  try {
    const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.gguf'));
    return names.sort().map((name) => path.join(folder, name));
  } catch {
    return []; // it was there once
  }
}

async function browse(folder: string | undefined): Promise<string | 'cancelled'> {
  const chosen = await vscode.window.showOpenDialog({
    title: 'Choose a model file',
    openLabel: 'Use this model',
    filters: { 'Model files (GGUF)': ['gguf'], 'All files': ['*'] },
    ...(folder !== undefined && { defaultUri: vscode.Uri.file(folder) }),
  });
  return chosen?.[0]?.fsPath ?? 'cancelled';
}

async function choicesFor(current: string | undefined, folders: string[]): Promise<Choice[]> {
  const files = (await Promise.all(folders.map(modelsIn))).flat();
  return [
    {
      label: 'Default',
      description: current === undefined ? 'in use' : '',
      detail: 'What espalier.json names, else the model that comes with Espalier',
      choose: async () => undefined,
    },
    ...files.map((file) => ({
      label: path.basename(file),
      description: file === current ? 'in use' : '',
      detail: path.dirname(file),
      choose: async () => file,
    })),
    {
      label: 'Browse...',
      alwaysShow: true,
      choose: () => browse(folders[0]),
    },
  ];
}

/** Asks for a model and writes the user's setting; a file that is none leaves it alone. */
export async function chooseModel(memory: vscode.Memento): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('espalier');
  const set = configuration.inspect<string | null>('model');
  const current = set?.globalValue ?? undefined;
  const remembered = memory.get<string[]>(foldersKey, []);
  const own = current !== undefined && path.isAbsolute(current) ? [path.dirname(current)] : [];
  const folders = [...new Set([...own, ...remembered])];

  const choice = await vscode.window.showQuickPick(await choicesFor(current, folders), {
    title: 'Espalier: choose a model',
    placeHolder: 'A model file (GGUF) for this user',
  });
  const chosen = choice === undefined ? 'cancelled' : await choice.choose();
  if (chosen === 'cancelled') {
    return;
  }
  if (chosen !== undefined) {
    const complaint = await complaintAbout(chosen);
    if (complaint !== undefined) {
      void vscode.window.showErrorMessage(`${complaint} The model stays as it was.`);
      return;
    }
    const kept = [...new Set([path.dirname(chosen), ...folders])].slice(0, maxFolders);
    await memory.update(foldersKey, kept);
  }
  await configuration.update('model', chosen, vscode.ConfigurationTarget.Global);
  const workspace = set?.workspaceFolderValue ?? set?.workspaceValue;
  if (typeof workspace === 'string') {
    const text = `The settings of this workspace name another model: ${workspace}`;
    void vscode.window.showWarningMessage(text);
  }
}
