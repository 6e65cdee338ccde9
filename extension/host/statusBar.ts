import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { EngineState } from "../client/engineClient.ts";
import { completionLabel } from "./completionStatus.ts";
import type { CompletionStatus } from "./completionStatus.ts";
import { failureText } from "./failureView.ts";
import type { IndexState } from "./folderIndex.ts";

export interface StatusBarState {
  readonly engine: EngineState;
  readonly index: IndexState;
  readonly isAnswering: boolean;
  readonly completion: CompletionStatus;
}

/**
 * The one item in the status bar: that Precis is there, what it is busy with, and how completing fares. A click opens the
 * Ask view.
 */
export class StatusBar {
  readonly #item = vscode.window.createStatusBarItem("precis.status", vscode.StatusBarAlignment.Right, 90);

  constructor() {
    this.#item.name = "Precis";
    this.#item.command = "precis.ask";
    this.#item.show();
  }

  show(state: StatusBarState): void {
    const { icon, text, tooltip, isError } = describe(state);
    const completion = completionLabel(state.completion);
    this.#item.text = `$(${icon}) ${text}${completion.text}`;
    this.#item.tooltip = tooltipOf(tooltip, completion.sentence);
    const sentences = [tooltip, completion.sentence].filter((sentence) => sentence !== "");
    this.#item.accessibilityInformation = { label: `Precis: ${sentences.join(". ")}`, role: "button" };
    this.#item.backgroundColor = isError ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
  }

  dispose(): void {
    this.#item.dispose();
  }
}

function tooltipOf(sentence: string, completion: string): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString();
  tooltip.appendText(sentence);
  if (completion !== "") {
    tooltip.appendMarkdown("\n\n").appendText(completion);
    tooltip.appendMarkdown(`\n\n[${t("Explain the last suggestion")}](command:precis.explainSuggestion)`);
    tooltip.isTrusted = { enabledCommands: ["precis.explainSuggestion"] };
  }
  return tooltip;
}

interface Description {
  readonly icon: string;
  readonly text: string;
  readonly tooltip: string;
  readonly isError: boolean;
}

function describe({ engine, index, isAnswering }: StatusBarState): Description {
  const calm = { text: "Precis", isError: false };
  if (engine.kind === "failed" || engine.kind === "givenUp") {
    return { icon: "error", text: "Precis", tooltip: failureText(engine.failure), isError: true };
  }
  if (isAnswering) return { ...calm, icon: "loading~spin", tooltip: t("Answering") };
  if (engine.kind === "starting") return { ...calm, icon: "loading~spin", tooltip: t("Starting the engine") };
  switch (index.kind) {
    case "indexing": {
      const share = index.filesTotal === 0 ? "" : ` ${Math.floor((100 * index.filesDone) / index.filesTotal)}%`;
      return { icon: "sync~spin", text: `Precis${share}`, tooltip: t("Indexing the folder"), isError: false };
    }
    case "failed":
      return { ...calm, icon: "warning", tooltip: failureText(index.failure) };
    case "indexed":
      return { ...calm, icon: "comment-discussion", tooltip: t("Ask about this folder") };
    case "none":
      return { ...calm, icon: "comment-discussion", tooltip: t("Ask about a folder") };
  }
}
