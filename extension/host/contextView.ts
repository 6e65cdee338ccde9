import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { Prompt } from "../protocol/units.ts";
import { budgetLine } from "./budgetView.ts";
import type { ContextNode } from "./contextNodes.ts";
import type { ContextPreview } from "./contextPreview.ts";
import { ContextTree } from "./contextTree.ts";
import type { Conversation } from "./conversation.ts";
import { failureText } from "./failureView.ts";
import type { FolderIndex } from "./folderIndex.ts";
import type { Pins } from "./pins.ts";

export interface ContextViewOptions {
  readonly conversation: Conversation;
  readonly preview: ContextPreview;
  readonly pins: Pins;
  readonly index: FolderIndex;
}

/** The Context view: its tree, its title line, and whether it tells of a preview. */
export class ContextView {
  static readonly id = "precis.context";
  readonly tree: ContextTree;
  readonly #options: ContextViewOptions;
  readonly #view: vscode.TreeView<ContextNode>;
  readonly #subscriptions: readonly { dispose(): void }[];
  #sent: Prompt | null;

  constructor(options: ContextViewOptions) {
    const { conversation, preview, pins, index } = options;
    this.#options = options;
    this.#sent = conversation.prompt;
    this.tree = new ContextTree(() => ({
      prompt: this.prompt,
      skipped: index.summary?.skipped ?? [],
      choices: pins.choices,
    }));
    this.#view = vscode.window.createTreeView(ContextView.id, { treeDataProvider: this.tree });
    this.#subscriptions = [
      conversation.onChanged(() => {
        // The question would wait for it.
        if (conversation.isAnswering) preview.end();
        if (this.#sent === conversation.prompt) return;
        this.#sent = conversation.prompt;
        this.#show();
      }),
      preview.onChanged(() => {
        this.#show();
      }),
      pins.onChanged(() => {
        this.#show();
        if (preview.isShown) void preview.showSoon();
      }),
      index.onChanged(({ kind }) => {
        if (kind === "indexed" || kind === "none") this.#show();
      }),
    ];
  }

  /** What the view shows: the preview where there is one, else what was sent last; null before. */
  get prompt(): Prompt | null {
    return this.#options.preview.prompt ?? this.#sent;
  }

  /** Brings what the person chose into sight, without taking the focus. */
  async revealChoices(): Promise<void> {
    const { choices } = this.#options.pins;
    if (choices.pinned.length + choices.dropped.length === 0) return;
    await this.#view.reveal({ kind: "choices", choices }, { select: false, focus: false, expand: true });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#view.dispose();
    this.tree.dispose();
  }

  #show(): void {
    const { prompt } = this;
    const { preview } = this.#options;
    this.#view.description = prompt === null ? "" : budgetLine(prompt, preview.prompt !== null);
    this.#view.message = previewMessage(preview);
    void vscode.commands.executeCommand("setContext", "precis.hasPrompt", prompt !== null);
    void vscode.commands.executeCommand("setContext", "precis.hasPreview", preview.isShown);
    this.tree.refresh();
  }
}

/** Empty where nothing is to be said. */
function previewMessage({ isShown, isRunning, failure, prompt }: ContextPreview): string {
  if (!isShown) return "";
  if (isRunning) return t("Working out a preview…");
  if (failure !== null) return failureText(failure);
  return prompt === null ? "" : t("Preview: nothing was sent for “{0}”.", prompt.question);
}
