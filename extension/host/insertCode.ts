import { t } from "@vscode/l10n";
import * as vscode from "vscode";

/** Puts code at each cursor of the editor used last, in place of what is selected there. Resolves to what became of it. */
export async function insertCode(code: string): Promise<string> {
  const editor = textEditor();
  if (editor === null) return t("No editor is open to insert the code into. Open a file first.");
  const text = code.replace(/\n$/, "");
  const { selections } = editor;
  const done = await editor.edit((edit) => {
    for (const selection of selections) edit.replace(selection, text);
  });
  if (!done) return t("The code could not be inserted: the editor is read-only or closed.");
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  return t("The code was inserted.");
}

/** The active one; else one in sight. The output panel is a text editor too, and not meant. */
function textEditor(): vscode.TextEditor | null {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const editors = activeTextEditor === undefined ? visibleTextEditors : [activeTextEditor, ...visibleTextEditors];
  return editors.find(({ document }) => document.uri.scheme !== "output") ?? null;
}
