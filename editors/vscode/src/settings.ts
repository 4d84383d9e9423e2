/**
 * The settings that are the server's own. They are listed in package.json under the names that
 * espalier.json has, with null for "not set", so that what is not set here leaves the file's value
 * alone. The extension's other settings are not sent.
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
  'review.minSeverity',
  'refactor.enabled',
  'history.enabled',
];

export function serverSettings(): Record<string, unknown> {
  const configuration = vscode.workspace.getConfiguration('espalier');
  const values = names.map((name) => [name, configuration.get(name)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined));
}

export function completionEnabled(): boolean {
  return vscode.workspace.getConfiguration('espalier').get('completion.enabled') !== false;
}

export async function toggleCompletion(): Promise<void> {
  await vscode.workspace
    .getConfiguration('espalier')
    .update('completion.enabled', !completionEnabled(), vscode.ConfigurationTarget.Global);
}
