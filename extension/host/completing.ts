import { setTimeout as pause } from "node:timers/promises";
import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { DocumentTrees } from "../syntax/documentTrees.ts";
import { Completer } from "./completer.ts";
import { CompletionProvider } from "./completionProvider.ts";
import { completionStatus } from "./completionStatus.ts";
import type { CompletionStatus } from "./completionStatus.ts";
import { documentSettings } from "./configuration.ts";
import { SuggestionExplanation } from "./suggestionExplanation.ts";

export interface CompletingOptions {
  readonly client: EngineClient;
  /** The folder that is indexed. */
  readonly folder: () => string | null;
  /** Where the extension is installed: its grammars lie there. */
  readonly extensionFolder: string;
  readonly log: vscode.LogOutputChannel;
}

/** Everything that completes code, from the document's syntax to the explanation of what was suggested. */
export class Completing {
  readonly completer: Completer;
  readonly trees: DocumentTrees;
  readonly provider: CompletionProvider;
  readonly #disposables: readonly { dispose(): unknown }[];

  constructor({ client, folder, extensionFolder, log }: CompletingOptions) {
    const completer = new Completer({
      client,
      nowMs: () => performance.now(),
      wait: (ms, signal) => pause(ms, undefined, { signal }),
    });
    const trees = new DocumentTrees(extensionFolder);
    const explanation = new SuggestionExplanation(completer);
    const provider = new CompletionProvider({ completer, trees, folder, log });
    let logged = "";
    this.completer = completer;
    this.trees = trees;
    this.provider = provider;
    this.#disposables = [
      completer,
      trees,
      explanation,
      ...explanation.register(),
      provider,
      completer.onChanged(({ last }) => {
        const message = last?.outcome.kind === "failed" ? last.outcome.failure.message : "";
        // The same failure with every key would fill the log.
        if (message !== "" && message !== logged) log.error(`Completion: ${message}`);
        logged = message;
      }),
    ];
  }

  /** How completing fares in the editor that has the focus. */
  get status(): CompletionStatus {
    const document = vscode.window.activeTextEditor?.document;
    if (document === undefined) return completionStatus(this.completer, null);
    const isEnabled = documentSettings(document)["complete.enabled"];
    return completionStatus(this.completer, { languageId: document.languageId, isEnabled });
  }

  /** The status may be another one now. */
  onStatusChanged(listener: () => void): vscode.Disposable {
    return vscode.Disposable.from(
      this.completer.onChanged(listener),
      vscode.window.onDidChangeActiveTextEditor(listener),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("precis.complete")) listener();
      }),
    );
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }
}
