import * as vscode from "vscode";
import type { CursorSyntax } from "../protocol/complete.ts";
import { completionTextLimits } from "../protocol/complete.ts";
import type { SuggestionPlace, SuggestionRequest } from "./completer.ts";
import { textAround, withCellsAbove } from "./textAround.ts";
import type { TextAround } from "./textAround.ts";
import { relativePath } from "./relativePath.ts";

export interface CompletionRequestOptions {
  readonly document: vscode.TextDocument;
  readonly position: vscode.Position;
  readonly context: vscode.InlineCompletionContext;
  /** The folder that is indexed. */
  readonly folder: string | null;
  /** An id of grammars/languages.json, or `text`. */
  readonly language: string;
  readonly syntax: (signal: AbortSignal) => Promise<CursorSyntax | null>;
  readonly changedMs: number;
  readonly debounce: SuggestionRequest["debounce"];
  readonly prefetch: boolean;
}

/** What is asked of the completer for a cursor in a document. */
export function completionRequest(options: CompletionRequestOptions): SuggestionRequest {
  const { document, position, context, folder, language } = options;
  const { before, after, startLine, head } = textWithSelected(options);
  const path = folder === null ? null : relativePath(folder, document.uri);
  return {
    place: placeOf(document, position),
    document: document.uri.toString(),
    params: {
      ...(path === null && !document.isUntitled ? { path, location: document.uri.path } : { path }),
      ...{ language, before, after, startLine },
      ...(head === undefined ? {} : { head }),
    },
    trigger: context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke ? "explicit" : "automatic",
    syntax: isNotebookCell(document) ? () => Promise.resolve(null) : options.syntax,
    changedMs: options.changedMs,
    debounce: options.debounce,
    prefetch: options.prefetch,
  };
}

export function placeOf(document: vscode.TextDocument, { line, character }: vscode.Position): SuggestionPlace {
  return { name: vscode.workspace.asRelativePath(document.uri), line: line + 1, column: character + 1 };
}

/** The text around the cursor as if the item that is selected in the suggestion widget had been taken already. */
function textWithSelected({ document, position, context }: CompletionRequestOptions): TextAround {
  const selected = context.selectedCompletionInfo;
  if (selected === undefined) return withCells(document, textAround(document, position));
  const around = withCells(document, textAround(document, selected.range.start));
  const { after } = textAround(document, selected.range.end);
  const before = around.before + selected.text.replaceAll("\r\n", "\n");
  return { ...around, before: before.slice(-completionTextLimits.before), after };
}

function isNotebookCell({ uri }: vscode.TextDocument): boolean {
  return uri.scheme === "vscode-notebook-cell";
}

/** In a notebook, what runs before a cell is the code of the cells above it. */
function withCells(document: vscode.TextDocument, around: TextAround): TextAround {
  if (!isNotebookCell(document)) return around;
  for (const notebook of vscode.workspace.notebookDocuments) {
    const cells = notebook.getCells();
    const index = cells.findIndex((cell) => cell.document === document);
    if (index < 0) continue;
    const above = cells.slice(0, index).filter((cell) => cell.document.languageId === document.languageId);
    return withCellsAbove(
      around,
      above.map((cell) => cell.document.getText()),
    );
  }
  return around;
}
