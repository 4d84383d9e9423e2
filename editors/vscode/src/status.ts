import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';

/** What the server answers to espalier/status: names and values, nested as the server likes. */
type Status = Record<string, unknown>;

/** One line for each value, nested names joined with dots. */
function linesOf(status: Status, prefix = ''): string[] {
  return Object.entries(status).flatMap(([name, value]) => {
    if (value === null || value === undefined) {
      return [];
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      return linesOf(value as Status, `${prefix}${name}.`);
    }
    return [`${prefix}${name}: ${Array.isArray(value) ? JSON.stringify(value) : String(value)}`];
  });
}

/** The item in the status bar, and the message with the details behind it. */
export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor(command: string) {
    this.item = vscode.window.createStatusBarItem(
      'espalier.status',
      vscode.StatusBarAlignment.Right,
      100,
    );
    this.item.name = 'Espalier';
    this.item.command = command;
    this.serverIs('starting');
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  /** While the server cannot be asked: starting or stopped. */
  serverIs(state: string): void {
    this.item.text = state === 'running' ? 'Espalier' : `Espalier: ${state}`;
    this.item.tooltip = `The language server is ${state}.`;
    this.item.backgroundColor = undefined;
  }

  failed(cause: unknown): void {
    this.item.text = '$(warning) Espalier';
    this.item.tooltip = cause instanceof Error ? cause.message : String(cause);
    this.item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
  }

  /** Asks the server and shows the answer; returns its lines, or nothing if it was not to be had. */
  async refresh(client: LanguageClient | undefined, enabled: boolean): Promise<string[] | undefined> {
    if (client?.state !== State.Running) {
      return undefined;
    }
    try {
      const lines = linesOf((await client.sendRequest<Status | null>('espalier/status')) ?? {});
      this.serverIs('running');
      this.item.text = enabled ? 'Espalier' : 'Espalier: off';
      this.item.tooltip = lines.join('\n');
      return lines;
    } catch (cause) {
      this.failed(cause);
      return undefined;
    }
  }

  async show(client: LanguageClient | undefined, enabled: boolean): Promise<void> {
    const lines = await this.refresh(client, enabled);
    if (lines === undefined) {
      const restart = 'Restart';
      const choice = await vscode.window.showWarningMessage(
        'The Espalier language server is not running.',
        restart,
      );
      if (choice === restart) {
        await vscode.commands.executeCommand('espalier.restart');
      }
      return;
    }
    const title = `Espalier: inline completion ${enabled ? 'on' : 'off'}`;
    await vscode.window.showInformationMessage([title, ...lines].join(' · '));
  }
}
