import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { toFailure } from "../protocol/failure.ts";
import type { EngineStatusWatch } from "./engineStatusWatch.ts";
import { failureText } from "./failureView.ts";
import { bytes, number } from "./numberText.ts";

/** Deletes what is stored of KV caches, of all workspaces, when the person confirms it. */
export async function clearCaches(
  client: Pick<EngineClient, "request">,
  statusWatch: Pick<EngineStatusWatch, "refresh">,
): Promise<void> {
  const remove = t("Delete");
  const detail = t("What models have read is read again with the next questions. Indexes and answers stay.");
  const question = t("Delete the stored KV caches of all workspaces?");
  const chosen = await vscode.window.showWarningMessage(question, { modal: true, detail }, remove);
  if (chosen !== remove) return;
  try {
    const { files, bytes: size } = await client.request("cacheClear", {});
    void vscode.window.showInformationMessage(t("Deleted {0} segments, {1}.", number(files), bytes(size)));
  } catch (thrown) {
    void vscode.window.showErrorMessage(failureText(toFailure(thrown)));
  }
  statusWatch.refresh();
}
