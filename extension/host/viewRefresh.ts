import { basename } from "node:path";
import * as vscode from "vscode";
import type { Downloads } from "../client/downloads.ts";
import type { EngineClient } from "../client/engineClient.ts";
import { failureView } from "./failureView.ts";
import type { ViewState } from "../protocol/view.ts";
import type { AskView } from "./askView.ts";
import type { Completing } from "./completing.ts";
import { budgetView } from "./budgetView.ts";
import type { ContextPreview } from "./contextPreview.ts";
import type { Conversation } from "./conversation.ts";
import { DownloadRows } from "./downloadRows.ts";
import type { EngineNode } from "./engineNode.ts";
import type { EngineStatusWatch } from "./engineStatusWatch.ts";
import type { EngineTree } from "./engineTree.ts";
import type { FolderIndex } from "./folderIndex.ts";
import type { History } from "./history.ts";
import type { ModelLibrary } from "./modelLibrary.ts";
import type { StatusBar } from "./statusBar.ts";
import type { WorkspaceSync } from "./workspaceSync.ts";

export interface ViewRefreshOptions {
  readonly client: EngineClient;
  readonly conversation: Conversation;
  readonly history: History;
  readonly completing: Completing;
  readonly index: FolderIndex;
  readonly sync: WorkspaceSync;
  readonly statusWatch: EngineStatusWatch;
  readonly askView: AskView;
  readonly preview: ContextPreview;
  readonly downloads: Downloads;
  readonly library: ModelLibrary;
  readonly engineTree: EngineTree;
  readonly engineView: vscode.TreeView<EngineNode>;
  readonly statusBar: StatusBar;
}

/** What the Ask view shows. */
export function askState({
  client,
  conversation,
  history,
  index,
  preview,
}: Pick<ViewRefreshOptions, "client" | "conversation" | "history" | "index" | "preview">): ViewState {
  const { state } = client;
  const prompt = preview.prompt ?? conversation.prompt;
  return {
    folder: index.folder === null ? null : basename(index.folder),
    turns: conversation.turns,
    notice: state.kind === "failed" || state.kind === "givenUp" ? failureView(state.failure) : null,
    budget: prompt === null ? null : budgetView(prompt, preview.prompt !== null),
    history: history.entries,
  };
}

/** Brings each view up to date when what it shows has changed, and not more often. */
export function keepViewsFresh(options: ViewRefreshOptions): { dispose(): void }[] {
  const { client, conversation, completing, index, statusWatch, askView, engineTree } = options;
  const downloadRows = new DownloadRows();
  let wasAnswering = conversation.isAnswering;
  const showStatus = (): void => {
    options.statusBar.show({
      engine: client.state,
      index: index.state,
      isAnswering: conversation.isAnswering,
      completion: completing.status,
    });
  };
  showStatus();
  return [
    conversation.onChanged(() => {
      askView.refresh();
      if (wasAnswering !== conversation.isAnswering) {
        wasAnswering = conversation.isAnswering;
        setContext("precis.answering", wasAnswering);
        showStatus();
        statusWatch.refresh();
      }
    }),
    options.history.onChanged(() => {
      askView.refresh();
    }),
    completing.onStatusChanged(() => {
      showStatus();
      // Each key of a person who types changes it.
      if (options.engineView.visible && completing.status.kind !== "thinking") statusWatch.refresh();
    }),
    options.engineView.onDidChangeVisibility(({ visible }) => {
      if (visible) statusWatch.refresh();
    }),
    index.onChanged((state) => {
      askView.refresh();
      engineTree.refresh();
      showStatus();
      if (state.kind === "indexed") statusWatch.refresh();
    }),
    options.preview.onChanged(() => {
      askView.refresh();
    }),
    client.onStateChanged(() => {
      askView.refresh();
      engineTree.refresh();
      showStatus();
      statusWatch.refresh();
    }),
    options.sync.onSettingsPassed(() => {
      statusWatch.refresh();
    }),
    client.on("kvChanged", () => {
      statusWatch.refresh();
    }),
    statusWatch.onChanged(() => {
      engineTree.refresh();
    }),
    options.downloads.onChanged((download) => {
      if (downloadRows.isDue(download, performance.now())) engineTree.refresh();
    }),
    options.library.onChanged(() => {
      engineTree.refresh();
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("precis")) engineTree.refresh();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      engineTree.refresh();
    }),
  ];
}

function setContext(key: string, value: boolean): void {
  void vscode.commands.executeCommand("setContext", key, value);
}
