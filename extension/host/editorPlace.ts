import * as vscode from "vscode";
import type { EditorPlace } from "../client/prepareQuestion.ts";
import { relativePath } from "./relativePath.ts";

/** The file in the active editor and the lines selected there, where it lies in the folder. */
export function editorPlace(folder: string | null): EditorPlace {
  const editor = vscode.window.activeTextEditor;
  const path = editor === undefined || folder === null ? null : relativePath(folder, editor.document.uri);
  if (editor === undefined || path === null) return { openFile: null, selection: null };
  const { selection } = editor;
  if (selection.isEmpty) return { openFile: path, selection: null };
  // A selection that ends before the first character of a line does not hold that line.
  const endsAtLineStart = selection.end.character === 0 && selection.end.line > selection.start.line;
  const endLine = selection.end.line + (endsAtLineStart ? 0 : 1);
  return { openFile: path, selection: { path, startLine: selection.start.line + 1, endLine } };
}
