import { basename } from "node:path";
import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { failureView } from "./failureView.ts";
import type { ViewState } from "../protocol/view.ts";
import type { AskView } from "./askView.ts";
import type { Completing } from "./completing.ts";
import { budgetLine } from "./contextTree.ts";
import type { ContextNode, ContextTree } from "./contextTree.ts";
import type { Conversation } from "./conversation.ts";
import type { EngineStatusWatch } from "./engineStatusWatch.ts";
import type { EngineTree } from "./engineTree.ts";
import type { FolderIndex } from "./folderIndex.ts";
import type { StatusBar } from "./statusBar.ts";
import type { WorkspaceSync } from "./workspaceSync.ts";

export interface ViewRefreshOptions {
  readonly client: EngineClient;
  readonly conversation: Conversation;
  readonly completing: Completing;
  readonly index: FolderIndex;
  readonly sync: WorkspaceSync;
  readonly statusWatch: EngineStatusWatch;
  readonly askView: AskView;
  readonly contextTree: ContextTree;
  readonly contextView: vscode.TreeView<ContextNode>;
  readonly engineTree: EngineTree;
  readonly statusBar: StatusBar;
}

/** What the Ask view shows. */
export function askState({
  client,
  conversation,
  index,
}: Pick<ViewRefreshOptions, "client" | "conversation" | "index">): ViewState {
  const { state } = client;
  return {
    folder: index.folder === null ? null : basename(index.folder),
    turns: conversation.turns,
    notice: state.kind === "failed" || state.kind === "givenUp" ? failureView(state.failure) : null,
  };
}

/** Brings each view up to date when what it shows has changed, and not more often. */
export function keepViewsFresh(options: ViewRefreshOptions): { dispose(): void }[] {
  const { client, conversation, completing, index, statusWatch, askView, contextTree, contextView, engineTree } =
    options;
  let prompt = conversation.prompt;
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
      if (prompt !== conversation.prompt) {
        prompt = conversation.prompt;
        contextView.description = prompt === null ? "" : budgetLine(prompt);
        contextTree.refresh();
        setContext("precis.hasPrompt", prompt !== null);
      }
      if (wasAnswering !== conversation.isAnswering) {
        wasAnswering = conversation.isAnswering;
        setContext("precis.answering", wasAnswering);
        showStatus();
        statusWatch.refresh();
      }
    }),
    completing.onStatusChanged(showStatus),
    index.onChanged((state) => {
      askView.refresh();
      engineTree.refresh();
      showStatus();
      if (state.kind !== "indexed") return;
      contextTree.refresh();
      statusWatch.refresh();
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
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("precis")) engineTree.refresh();
    }),
  ];
}

function setContext(key: string, value: boolean): void {
  void vscode.commands.executeCommand("setContext", key, value);
}
