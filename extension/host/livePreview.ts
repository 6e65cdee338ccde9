import * as vscode from "vscode";
import type { ContextPreview } from "./contextPreview.ts";
import type { WorkspaceSync } from "./workspaceSync.ts";

export interface LivePreviewOptions {
  readonly sync: Pick<WorkspaceSync, "onSettingsPassed">;
  readonly preview: ContextPreview;
  /** Whether a preview costs little now: nobody wants a model loaded for a setting. */
  readonly isCheap: () => boolean;
}

/** While a person changes a budget, the views show at once what it would send. */
export function previewBudgets({ sync, preview, isCheap }: LivePreviewOptions): { dispose(): void }[] {
  let isChanged = false;
  return [
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("precis.budget")) isChanged = true;
    }),
    // Only then does the engine count with the new values.
    sync.onSettingsPassed(() => {
      if (!isChanged) return;
      isChanged = false;
      if (isCheap()) void preview.showSoon();
    }),
  ];
}
