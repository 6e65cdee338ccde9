import * as vscode from "vscode";
import { untilAborted } from "../base/abortable.ts";
import { cursorSyntax } from "../pipeline/cursorSyntax.ts";
import type { CursorSyntax } from "../protocol/complete.ts";
import { toFailure } from "../protocol/failure.ts";
import type { DocumentTrees } from "../syntax/documentTrees.ts";
import type { Completer, Suggestion } from "./completer.ts";
import { completionRequest, placeOf } from "./completionRequest.ts";
import { documentSettings } from "./configuration.ts";

export interface CompletionProviderOptions {
  readonly completer: Completer;
  readonly trees: DocumentTrees;
  /** The folder that is indexed. */
  readonly folder: () => string | null;
  readonly log: vscode.LogOutputChannel;
}

/** A long file's first parse takes longer; the engine then looks at the text around the cursor by itself. */
const syntaxPatienceMs = 150;

/** What people write code in: files, documents that have no file yet, and notebooks. Not output, diffs or input boxes. */
export const completedDocuments: readonly vscode.DocumentFilter[] = [
  { scheme: "file" },
  { scheme: "untitled" },
  { scheme: "vscode-notebook-cell" },
];

/**
 * Ghost text in the editor. VS Code itself shows none while a snippet's places are filled in, a name is being changed,
 * or an input method composes a character; and its own commands accept a word, a line or all of it.
 */
export class CompletionProvider implements vscode.InlineCompletionItemProvider {
  readonly #options: CompletionProviderOptions;
  readonly #subscriptions: readonly vscode.Disposable[];
  #changedMs = 0;

  constructor(options: CompletionProviderOptions) {
    this.#options = options;
    const { trees, completer } = options;
    this.#subscriptions = [
      vscode.languages.registerInlineCompletionItemProvider([...completedDocuments], this),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        // Logs are documents too, and nobody types them.
        if (contentChanges.length === 0 || vscode.languages.match([...completedDocuments], document) === 0) return;
        this.#changedMs = performance.now();
        trees.changed(document.uri.toString(), contentChanges);
      }),
      // Also said of a document that is of another language from now on.
      vscode.workspace.onDidCloseTextDocument((document) => {
        trees.closed(document.uri.toString());
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("precis")) completer.forget();
      }),
    ];
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const { completer, folder } = this.#options;
    const settings = documentSettings(document);
    if (!settings["complete.enabled"]) {
      completer.noteOff(placeOf(document, position), document.languageId);
      return [];
    }
    const abort = new AbortController();
    const cancelled = token.onCancellationRequested(() => {
      abort.abort();
    });
    try {
      const language = await this.#languageOf(document);
      const request = completionRequest({
        ...{ document, position, context, folder: folder(), language: language?.id ?? "text" },
        syntax: (signal) => this.#syntax(document, position, signal),
        changedMs: this.#changedMs,
        debounce: { minMs: settings["complete.debounceMinMs"], maxMs: settings["complete.debounceMaxMs"] },
        prefetch: settings["complete.prefetch"],
      });
      const suggestion = await completer.suggest(request, abort.signal);
      return suggestion === null ? [] : [itemOf(suggestion, { document, position, context })];
    } finally {
      cancelled.dispose();
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #languageOf({ languageId, uri }: vscode.TextDocument): ReturnType<DocumentTrees["languageOf"]> {
    try {
      return await this.#options.trees.languageOf(languageId, uri.path);
    } catch (thrown) {
      this.#options.log.warn(toFailure(thrown).message);
      return null;
    }
  }

  /** What the document's tree says about the cursor; without it, the engine looks at the text itself. */
  async #syntax(
    document: vscode.TextDocument,
    position: vscode.Position,
    signal: AbortSignal,
  ): Promise<CursorSyntax | null> {
    const { trees, log } = this.#options;
    const language = await this.#languageOf(document);
    if (language === null) return null;
    const text = (): string => document.getText();
    const key = document.uri.toString();
    const find = (root: Parameters<typeof cursorSyntax>[0]): CursorSyntax =>
      cursorSyntax(root, text(), document.offsetAt(position), language.id);
    const patience = AbortSignal.any([signal, AbortSignal.timeout(syntaxPatienceMs)]);
    try {
      return await untilAborted(trees.read({ key, language, text }, find, patience), patience);
    } catch (thrown) {
      if (!patience.aborted) log.warn(`The syntax of ${document.uri.path} is not known: ${toFailure(thrown).message}`);
      return null;
    }
  }
}

/** The suggestion as the editor wants it: with the document's line ends, and in place of the item that is selected. */
function itemOf(
  { text, replaces }: Suggestion,
  {
    document,
    position,
    context,
  }: {
    readonly document: vscode.TextDocument;
    readonly position: vscode.Position;
    readonly context: vscode.InlineCompletionContext;
  },
): vscode.InlineCompletionItem {
  const selected = context.selectedCompletionInfo;
  const inserted = document.eol === vscode.EndOfLine.CRLF ? text.replaceAll("\n", "\r\n") : text;
  const { start, end } = selected?.range ?? new vscode.Range(position, position);
  return new vscode.InlineCompletionItem(
    (selected?.text ?? "") + inserted,
    new vscode.Range(start, end.translate(0, replaces)),
  );
}
