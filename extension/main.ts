import * as vscode from "vscode";
import { EngineClient } from "./client/engineClient.ts";
import { Actions } from "./host/actions.ts";
import type { PrecisApi } from "./host/api.ts";
import { AskView } from "./host/askView.ts";
import { Completing } from "./host/completing.ts";
import { readSettings } from "./host/configuration.ts";
import { ContextTree } from "./host/contextTree.ts";
import { Conversation } from "./host/conversation.ts";
import { engineCommand } from "./host/engineCommand.ts";
import { logEngine } from "./host/engineLog.ts";
import { EngineStatusWatch } from "./host/engineStatusWatch.ts";
import { EngineTree } from "./host/engineTree.ts";
import { FolderIndex } from "./host/folderIndex.ts";
import { StatusBar } from "./host/statusBar.ts";
import { askState, keepViewsFresh } from "./host/viewRefresh.ts";
import { engineHostName, openFile } from "./host/workspaceFolder.ts";
import { WorkspaceSync } from "./host/workspaceSync.ts";
import { parseSettings } from "./protocol/settings.ts";

/** How long the bundle's modules took to evaluate; the bundle itself defines it (tools/bundle.mjs). */
declare const evaluationMs: number;

/** Builds every object once, in order. The engine starts after this, with the first index run or question. */
export function activate(context: vscode.ExtensionContext): PrecisApi {
  const startMs = performance.now();
  const log = vscode.window.createOutputChannel("Precis", { log: true });
  const settings = (): Readonly<Record<string, unknown>> =>
    readSettings(index.folder === null ? null : vscode.Uri.file(index.folder));
  const extensionFolder = context.extensionUri.fsPath;
  const client = new EngineClient({
    ...engineCommand(extensionFolder),
    storageFolder: context.globalStorageUri.fsPath,
    settings,
    onStderrLine: log.debug.bind(log),
  });
  const index = new FolderIndex(client);
  const sync = new WorkspaceSync({ client, index, log });
  const conversation = new Conversation({
    client,
    prepare: sync.prepare.bind(sync),
    openFile: () => openFile(index.folder),
  });
  const completing = new Completing({ client, folder: () => index.folder, extensionFolder, log });
  const actions = new Actions({ client, conversation, index, log });
  const askView = new AskView({
    extensionUri: context.extensionUri,
    state: () => askState({ client, conversation, index }),
    onIntent: actions.perform.bind(actions),
  });
  const contextTree = new ContextTree({
    prompt: () => conversation.prompt,
    skipped: () => index.summary?.skipped ?? [],
  });
  const contextView = vscode.window.createTreeView("precis.context", { treeDataProvider: contextTree });
  const statusWatch = new EngineStatusWatch(client);
  const engineTree = new EngineTree({
    engine: () => client.state,
    index: () => index.state,
    summary: () => index.summary,
    status: () => statusWatch.status,
    settingProblems: () => parseSettings(settings()).problems,
    hostName: engineHostName,
  });
  const statusBar = new StatusBar();
  const views = { askView, contextTree, contextView, engineTree, statusBar };
  sync.chooseFolder();
  context.subscriptions.push(
    ...[log, index, sync, conversation, completing, askView, contextTree, contextView, engineTree, statusBar],
    ...logEngine(client, log),
    ...actions.registerCommands(askView),
    ...keepViewsFresh({ client, conversation, completing, index, sync, statusWatch, ...views }),
    vscode.window.registerWebviewViewProvider(AskView.id, askView),
    vscode.window.registerTreeDataProvider("precis.engine", engineTree),
    { dispose: () => void client.dispose() },
  );
  setImmediate(sync.indexIfWanted.bind(sync));
  return {
    client,
    conversation,
    completer: completing.completer,
    completionProvider: completing.provider,
    trees: completing.trees,
    contextTree,
    engineTree,
    index,
    activationMs: evaluationMs + performance.now() - startMs,
  };
}
