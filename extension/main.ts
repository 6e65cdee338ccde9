import { config } from "@vscode/l10n";
import * as vscode from "vscode";
import { EngineClient } from "./client/engineClient.ts";
import { Actions } from "./host/actions.ts";
import { AskActions } from "./host/askActions.ts";
import type { PrecisApi } from "./host/api.ts";
import { AskView } from "./host/askView.ts";
import { Completing } from "./host/completing.ts";
import { readSettings } from "./host/configuration.ts";
import { ContextActions } from "./host/contextActions.ts";
import { ContextPreview } from "./host/contextPreview.ts";
import { ContextView } from "./host/contextView.ts";
import { Conversation } from "./host/conversation.ts";
import { rememberedId, storedConversations } from "./host/conversationPlace.ts";
import { editorPlace } from "./host/editorPlace.ts";
import { engineCommand } from "./host/engineCommand.ts";
import { logEngine } from "./host/engineLog.ts";
import { EngineStatusWatch } from "./host/engineStatusWatch.ts";
import { EngineTree } from "./host/engineTree.ts";
import { FolderIndex } from "./host/folderIndex.ts";
import { History } from "./host/history.ts";
import { previewBudgets } from "./host/livePreview.ts";
import { ModelParts } from "./host/modelParts.ts";
import { useLanguage } from "./host/numberText.ts";
import { Pins } from "./host/pins.ts";
import { PresetActions, presetText } from "./host/presetActions.ts";
import { StatusBar } from "./host/statusBar.ts";
import { askState, keepViewsFresh } from "./host/viewRefresh.ts";
import { engineHostName } from "./host/workspaceFolder.ts";
import { WorkspaceSync } from "./host/workspaceSync.ts";
import { parseSettings } from "./protocol/settings.ts";

/** How long the bundle's modules took to evaluate; the bundle itself defines it (tools/bundle.mjs). */
declare const evaluationMs: number;

/** Builds every object once, in order. The engine starts after this, with the first index run or question. */
export function activate(context: vscode.ExtensionContext): PrecisApi {
  const startMs = performance.now();
  const translations = vscode.l10n.bundle ?? {};
  config({ contents: translations });
  useLanguage(vscode.env.language);
  const log = vscode.window.createOutputChannel("Precis", { log: true });
  const settings = (): Readonly<Record<string, unknown>> =>
    readSettings(index.folder === null ? null : vscode.Uri.file(index.folder));
  const extensionFolder = context.extensionUri.fsPath;
  const client = new EngineClient({
    ...engineCommand(extensionFolder),
    storageFolder: context.globalStorageUri.fsPath,
    translations,
    settings,
    onStderrLine: log.debug.bind(log),
  });
  const index = new FolderIndex(client);
  const sync = new WorkspaceSync({ client, index, log });
  const pins = new Pins({ store: context.workspaceState, folder: () => index.folder });
  const conversation = new Conversation({
    client,
    prepare: sync.prepare.bind(sync),
    editor: () => editorPlace(index.folder),
    pins: () => pins.choices,
    now: Date.now,
  });
  const history = new History({
    store: storedConversations(context.storageUri),
    conversation,
    shown: rememberedId(context.workspaceState),
    now: Date.now,
    warn: log.warn.bind(log),
  });
  const completing = new Completing({ client, folder: () => index.folder, extensionFolder, log });
  const models = new ModelParts({
    client,
    extensionFolder,
    storageFolder: context.globalStorageUri.fsPath,
    settings: () => parseSettings(settings()).settings,
    log,
  });
  const { downloads, library } = models;
  const statusWatch = new EngineStatusWatch(client);
  const actions = new Actions({ client, index, statusWatch, log });
  const askActions: AskActions = new AskActions({
    client,
    conversation,
    history,
    view: () => askView,
    folder: () => index.folder,
    prepare: sync.prepare.bind(sync),
    act: actions.act.bind(actions),
    open: actions.open.bind(actions),
  });
  const askView = new AskView({
    extensionUri: context.extensionUri,
    translations,
    state: () => askState({ client, conversation, history, index, preview }),
    onIntent: askActions.perform.bind(askActions),
  });
  const preview = new ContextPreview({
    client,
    prepare: sync.prepare.bind(sync),
    contextParams: conversation.contextParams.bind(conversation),
    lastQuestion: () => conversation.turns.at(-1)?.question ?? null,
  });
  const contextView = new ContextView({ conversation, preview, pins, index });
  const contextActions = new ContextActions({ view: contextView, preview, pins, conversation, index });
  const engineTree = new EngineTree({
    engine: () => client.state,
    index: () => index,
    status: () => statusWatch.status,
    models: () => models.facts,
    completion: () => completing.status,
    settingProblems: () => parseSettings(settings()).problems,
    preset: () => presetText(parseSettings(settings()).settings),
    isTrusted: () => vscode.workspace.isTrusted,
    hostName: engineHostName,
  });
  const engineView = vscode.window.createTreeView("precis.engine", { treeDataProvider: engineTree });
  const presetActions = new PresetActions({
    settings: () => parseSettings(settings()).settings,
    store: context.globalState,
  });
  const statusBar = new StatusBar();
  const views = { askView, engineTree, engineView, statusBar, downloads, library };
  const isPreviewCheap = (): boolean =>
    client.state.kind === "ready" &&
    index.folder !== null &&
    (conversation.prompt !== null || statusWatch.status?.assistant === null);
  sync.chooseFolder();
  context.subscriptions.push(
    ...[
      log,
      index,
      sync,
      history,
      conversation,
      completing,
      askView,
      pins,
      preview,
      contextView,
      engineTree,
      statusBar,
    ],
    ...logEngine(client, log),
    models,
    ...actions.registerCommands(),
    ...models.registerCommands(),
    ...askActions.registerCommands(),
    ...contextActions.registerCommands(),
    ...presetActions.registerCommands(),
    ...previewBudgets({ sync, preview, isCheap: isPreviewCheap }),
    ...keepViewsFresh({ client, conversation, history, completing, index, sync, statusWatch, preview, ...views }),
    vscode.window.registerWebviewViewProvider(AskView.id, askView),
    engineView,
    { dispose: () => void client.dispose() },
  );
  setImmediate(sync.indexIfWanted.bind(sync));
  void history.restore();
  setImmediate(() => void models.look());
  return {
    client,
    downloads,
    conversation,
    history,
    completer: completing.completer,
    completionProvider: completing.provider,
    trees: completing.trees,
    contextTree: contextView.tree,
    pins,
    preview,
    engineTree,
    index,
    activationMs: evaluationMs + performance.now() - startMs,
  };
}
