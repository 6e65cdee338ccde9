import * as vscode from "vscode";
import type { Completer } from "./completer.ts";
import { explainSuggestion } from "./explainSuggestion.ts";

const uri = vscode.Uri.from({ scheme: "precis-suggestion", path: "Last suggestion.md" });

/** The document that explains the last suggestion. It is made anew whenever it is asked for. */
export class SuggestionExplanation implements vscode.TextDocumentContentProvider {
  readonly #completer: Completer;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;

  constructor(completer: Completer) {
    this.#completer = completer;
  }

  register(): vscode.Disposable[] {
    return [
      vscode.workspace.registerTextDocumentContentProvider(uri.scheme, this),
      vscode.commands.registerCommand("precis.explainSuggestion", () => this.show()),
    ];
  }

  provideTextDocumentContent(): string {
    return explainSuggestion(this.#completer.last, this.#completer.lastSuggested);
  }

  async show(): Promise<void> {
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
