/**
 * Two kinds of settings. The server's own are listed in package.json under the names that
 * espalier.json has, with null for "not set", so that what is not set here leaves the file's value
 * alone. The extension's are not sent: they say what is asked for, and of which program.
 */
import * as vscode from 'vscode';

const names = [
  'model',
  'threads',
  'attention',
  'cache.megabytes',
  'cache.onDisk',
  'logLevel',
  'completion.enabled',
  'completion.maxTokens',
  'completion.items',
  'completion.multiline',
  'completion.comments',
  'completion.strings',
  'completion.minConfidence',
  'context.used',
  'context.recent',
  'context.pair',
  'context.siblings',
  'context.near',
  'context.tokens',
  'index.enabled',
  'index.megabytes',
  'index.maxFiles',
  'index.maxFileKilobytes',
  'review.enabled',
  'review.opinions',
  'review.minSeverity',
  'refactor.enabled',
  'history.enabled',
];

function configuration(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('espalier');
}

export function serverSettings(): Record<string, unknown> {
  const values = names.map((name) => [name, configuration().get(name)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined));
}

export function completionEnabled(): boolean {
  return configuration().get('completion.enabled') !== false;
}

export function languageEnabled(language: string): boolean {
  const enable = configuration().get<Record<string, boolean>>('enable', {});
  return enable[language] ?? enable['*'] ?? true;
}

/** A suggestion on screen is of the time before; it would stay until the next key. */
async function hideSuggestion(): Promise<void> {
  await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
}

export async function toggleCompletion(): Promise<void> {
  const value = !completionEnabled();
  await configuration().update('completion.enabled', value, vscode.ConfigurationTarget.Global);
  await hideSuggestion();
}

/** Switches the language of the active editor, where it is switched already: workspace or user. */
export async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language === undefined) {
    const text = 'No editor is open whose language could be switched.';
    void vscode.window.showInformationMessage(text);
    return;
  }
  const set = configuration().inspect<Record<string, boolean>>('enable');
  const here = set?.workspaceValue?.[language] !== undefined;
  const target = here ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  const before = here ? set?.workspaceValue : set?.globalValue;
  const value = { ...before, [language]: !languageEnabled(language) };
  await configuration().update('enable', value, target);
  await hideSuggestion();
}
