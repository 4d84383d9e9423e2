/**
 * The extension starts the language server, and says what state it is in. Completion, diagnostics
 * and code actions are vscode-languageclient's; what they contain is the server's. Nothing is
 * decided here that a second editor would have to decide again.
 */
import * as vscode from 'vscode';
import { LanguageClient, State } from 'vscode-languageclient/node';
import type { LanguageClientOptions, ServerOptions } from 'vscode-languageclient/node';
import { chooseModel } from './models';
import { findServer } from './server';
import { languageEnabled, serverSettings, toggleCompletion, toggleLanguage } from './settings';
import { StatusItem } from './status';

const languages = [
  'c',
  'cpp',
  'csharp',
  'go',
  'haskell',
  'java',
  'javascript',
  'javascriptreact',
  'kotlin',
  'lua',
  'php',
  'python',
  'ruby',
  'rust',
  'scala',
  'shellscript',
  'typescript',
  'typescriptreact',
];

let client: LanguageClient | undefined;

function createClient(context: vscode.ExtensionContext): LanguageClient {
  const own = vscode.workspace.getConfiguration('espalier');
  const command = findServer(own.get('path', ''), context.extensionPath);
  const shared = own.get('shared', true) ? ['--shared'] : [];
  const server: ServerOptions = { command, args: ['serve', '--stdio', ...shared] };
  const options: LanguageClientOptions = {
    initializationOptions: serverSettings,
    documentSelector: languages.map((language) => ({ language, scheme: 'file' })),
    middleware: {
      provideInlineCompletionItems: (document, position, context, token, next) =>
        languageEnabled(document.languageId) ? next(document, position, context, token) : [],
      workspace: {
        // Both ways in which a server can learn its settings.
        configuration: async (params, token, next) => {
          const answers = await next(params, token);
          return Array.isArray(answers)
            ? answers.map((answer: unknown, index) =>
                params.items[index]?.section === 'espalier' ? serverSettings() : answer,
              )
            : answers;
        },
        didChangeConfiguration: async () => {
          const settings = { espalier: serverSettings() };
          await client?.sendNotification('workspace/didChangeConfiguration', { settings });
        },
      },
    },
  };
  return new LanguageClient('espalier', 'Espalier', server, options);
}

async function start(context: vscode.ExtensionContext, status: StatusItem): Promise<void> {
  const started = createClient(context);
  client = started;
  started.onDidChangeState(({ newState }) => {
    if (client !== started) {
      return;
    }
    status.serverIs(newState);
    if (newState === State.Running) {
      void status.refresh(started);
    }
  });
  try {
    await started.start();
  } catch (cause) {
    // The client has shown the cause to the user; here it only must not end the extension.
    status.warn(cause);
  }
}

async function stop(): Promise<void> {
  const stopped = client;
  client = undefined;
  if (stopped?.needsStop()) {
    await stopped.stop();
  }
  await stopped?.dispose();
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const status = new StatusItem('espalier.status');

  // One restart after the other, however often it is asked for.
  let queue = Promise.resolve();
  const restart = (): Promise<void> => {
    queue = queue.then(stop).then(() => start(context, status));
    return queue;
  };

  context.subscriptions.push(
    status,
    vscode.commands.registerCommand('espalier.restart', restart),
    vscode.commands.registerCommand('espalier.status', () => status.showDetails(client)),
    vscode.commands.registerCommand('espalier.output', () => client?.outputChannel.show()),
    vscode.commands.registerCommand('espalier.toggle', toggleCompletion),
    vscode.commands.registerCommand('espalier.toggleLanguage', toggleLanguage),
    vscode.commands.registerCommand('espalier.chooseModel', () => chooseModel(context.globalState)),
    vscode.window.onDidChangeActiveTextEditor(() => status.show()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (['path', 'shared'].some((key) => change.affectsConfiguration(`espalier.${key}`))) {
        void restart();
      } else if (change.affectsConfiguration('espalier')) {
        void status.refresh(client);
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
  );

  queue = start(context, status);
  await queue;
}

export function deactivate(): Promise<void> {
  return stop();
}
