import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';
import { completionEnabled, languageEnabled } from './settings';

/** What the server answers to espalier/status; of its many values these are shown at once. */
interface Status extends Record<string, unknown> {
  state?: string;
  message?: string;
  model?: { name?: string } | null;
}

const reloadInterval = 1000;

/** One line for each value, nested names joined with dots. */
function linesOf(status: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(status).flatMap(([name, value]) => {
    if (value === null || value === undefined || value === '') {
      return [];
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      return linesOf(value as Record<string, unknown>, `${prefix}${name}.`);
    }
    return [`${prefix}${name}: ${Array.isArray(value) ? JSON.stringify(value) : String(value)}`];
  });
}

/** The item in the status bar, and the details behind it. */
export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private again: NodeJS.Timeout | undefined;
  private known: Status | undefined;

  constructor(command: string) {
    this.item = vscode.window.createStatusBarItem(
      'espalier.status',
      vscode.StatusBarAlignment.Right,
      100,
    );
    this.item.name = 'Espalier';
    this.item.command = command;
    this.serverIs(State.Starting);
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.again);
    this.item.dispose();
  }

  serverIs(state: State): void {
    this.known = undefined;
    if (state === State.StartFailed) {
      this.warn('The language server could not be started.');
      return;
    }
    const name = State[state].toLowerCase();
    this.set(state === State.Running ? 'Espalier' : `Espalier: ${name}`, `The server is ${name}.`);
  }

  warn(cause: unknown): void {
    this.set('$(warning) Espalier', cause instanceof Error ? cause.message : String(cause));
    this.item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
  }

  /** Asks the server and shows its answer; while a model is loading, again and again. */
  async refresh(client: LanguageClient | undefined): Promise<Status | undefined> {
    clearTimeout(this.again);
    if (client?.state !== State.Running) {
      return undefined;
    }
    try {
      const status = (await client.sendRequest<Status | null>('espalier/status')) ?? {};
      this.known = status;
      this.show();
      if (status.state === 'loading') {
        this.again = setTimeout(() => void this.refresh(client), reloadInterval);
      }
      return status;
    } catch (cause) {
      this.warn(cause);
      return undefined;
    }
  }

  /** All the server says of itself, in its output channel. */
  async showDetails(client: LanguageClient | undefined): Promise<void> {
    const status = await this.refresh(client);
    if (status !== undefined && client !== undefined) {
      client.outputChannel.appendLine(['Status of the server:', ...linesOf(status)].join('\n  '));
      client.outputChannel.show(true);
      return;
    }
    const restart = 'Restart';
    const text = 'The Espalier language server is not running.';
    if ((await vscode.window.showWarningMessage(text, restart)) === restart) {
      await vscode.commands.executeCommand('espalier.restart');
    }
  }

  /** Shows again what is known, for the language of the editor that is active now. */
  show(): void {
    const status = this.known;
    const language = vscode.window.activeTextEditor?.document.languageId;
    if (status === undefined) {
      return;
    }
    const model = status.model?.name ? ` Model: ${status.model.name}.` : '';
    if (status.state === 'failed') {
      this.warn(status.message ?? 'The model could not be loaded.');
    } else if (!completionEnabled()) {
      this.set('Espalier: off', 'Completion is switched off.');
    } else if (language !== undefined && !languageEnabled(language)) {
      this.set('Espalier: off', `Completion is switched off for ${language}.`);
    } else if (status.state === undefined || status.state === 'ready') {
      this.set('Espalier', (status.message || 'Ready.') + model);
    } else {
      this.set(`Espalier: ${status.state}`, status.message || `Model: ${status.state}.`);
    }
  }

  private set(text: string, tooltip: string): void {
    this.item.text = text;
    this.item.tooltip = this.withCommands(tooltip);
    this.item.backgroundColor = undefined;
  }

  /** The text of a tooltip with what can be done about it. */
  private withCommands(text: string): vscode.MarkdownString {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const links: [command: string, title: string][] = [
      ['espalier.toggle', completionEnabled() ? 'Switch off' : 'Switch on'],
      ['espalier.chooseModel', 'Choose model'],
      ['espalier.output', 'Output'],
    ];
    if (language !== undefined && completionEnabled()) {
      const verb = languageEnabled(language) ? 'Switch off' : 'Switch on';
      links.splice(1, 0, ['espalier.toggleLanguage', `${verb} for ${language}`]);
    }
    const tooltip = new vscode.MarkdownString();
    tooltip.isTrusted = { enabledCommands: links.map(([command]) => command) };
    tooltip.appendText(text).appendMarkdown('\n\n');
    return tooltip.appendMarkdown(
      links.map(([command, title]) => `[${title}](command:${command})`).join(' · '),
    );
  }
}
