import { join } from "node:path";
import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { LineRange } from "../protocol/units.ts";
import { relativePath } from "./relativePath.ts";

/** The folder that questions are about: the active editor's, else the first one that is on a disk; null without any. */
export function chosenFolder(): vscode.WorkspaceFolder | null {
  const active = vscode.window.activeTextEditor?.document.uri;
  const ofEditor = active === undefined ? undefined : vscode.workspace.getWorkspaceFolder(active);
  if (ofEditor?.uri.scheme === "file") return ofEditor;
  return vscode.workspace.workspaceFolders?.find((folder) => folder.uri.scheme === "file") ?? null;
}

/** The file in the active editor, relative to the folder, or null. */
export function openFile(folder: string | null): string | null {
  const active = vscode.window.activeTextEditor?.document.uri;
  return active === undefined || folder === null ? null : relativePath(folder, active);
}

/**
 * Opens a file of the folder with the lines selected and in sight; line 0 means the whole file. A path that leads out of
 * the folder is refused.
 */
export async function openLines(folder: string, path: string, { startLine, endLine }: LineRange): Promise<void> {
  const uri = vscode.Uri.file(join(folder, path));
  if (relativePath(folder, uri) === null) throw new Error(`${path} is not inside ${folder}`);
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document, { preview: true });
  if (startLine === 0) return;
  const start = new vscode.Position(Math.min(startLine, document.lineCount) - 1, 0);
  const last = document.lineAt(Math.min(Math.max(startLine, endLine), document.lineCount) - 1);
  editor.selection = new vscode.Selection(last.range.end, start);
  editor.revealRange(new vscode.Range(start, last.range.end), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Where the engine runs, in words: "this machine", or the remote that the window is connected to. */
export function engineHostName(): string {
  const names: Readonly<Record<string, string>> = {
    wsl: t("WSL"),
    "ssh-remote": t("the machine at the other end of SSH"),
    "dev-container": t("the dev container"),
    "attached-container": t("the container"),
    codespaces: t("the codespace"),
    tunnel: t("the machine at the other end of the tunnel"),
  };
  const { remoteName } = vscode.env;
  return remoteName === undefined ? t("this machine") : (names[remoteName] ?? t("the server ({0})", remoteName));
}
