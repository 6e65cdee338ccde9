import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";
import { choicesMax } from "../protocol/personChoices.ts";
import type { UnitReference } from "../protocol/units.ts";
import type { ContextNode } from "./contextNodes.ts";
import type { ContextPreview } from "./contextPreview.ts";
import { ContextView } from "./contextView.ts";
import type { Conversation } from "./conversation.ts";
import type { FolderIndex } from "./folderIndex.ts";
import { pinsOf } from "./pins.ts";
import type { Pins } from "./pins.ts";
import { relativePath } from "./relativePath.ts";

export interface ContextActionsOptions {
  readonly view: ContextView;
  readonly preview: ContextPreview;
  readonly pins: Pins;
  readonly conversation: Conversation;
  readonly index: FolderIndex;
}

/** What a person can do with the context: pin, take out, copy, and look at it before asking. */
export class ContextActions {
  readonly #options: ContextActionsOptions;

  constructor(options: ContextActionsOptions) {
    this.#options = options;
  }

  registerCommands(): vscode.Disposable[] {
    const { pins, preview } = this.#options;
    const ofNodes: Readonly<Record<string, (node: ContextNode) => unknown>> = {
      "precis.pinPiece": (node) => this.#pinPiece(node),
      "precis.unpinPiece": (node) => {
        this.#unpinPiece(node);
      },
      "precis.dropPiece": (node) => this.#dropPiece(node),
      "precis.takeBackPiece": (node) => {
        const name = node.kind === "out" ? node.name : unitOf(node);
        if (name !== null) pins.takeBack(name);
      },
      "precis.copyPiece": (node) => copyPiece(node),
    };
    const others: Readonly<Record<string, (...values: readonly unknown[]) => unknown>> = {
      "precis.pinSelection": () => this.#pinSelection(),
      "precis.pinFile": (uri, uris) => this.#pinFiles(uri, uris),
      "precis.clearChoices": () => {
        pins.clear();
      },
      "precis.previewContext": (question) => this.#preview(question),
      "precis.endPreview": () => {
        preview.end();
      },
      "precis.copyPrompt": () => this.#copyPrompt(),
    };
    return [
      // From the palette there is no node: these commands are hidden there.
      ...Object.entries(ofNodes).map(([name, run]) =>
        vscode.commands.registerCommand(name, (node?: ContextNode) => (node === undefined ? undefined : run(node))),
      ),
      ...Object.entries(others).map(([name, run]) => vscode.commands.registerCommand(name, run)),
    ];
  }

  async #pinPiece(node: ContextNode): Promise<void> {
    const unit = unitOf(node);
    if (unit === null) return;
    const { path, startLine, endLine, qualifiedName } = unit;
    await this.#pin([{ path, startLine, endLine, why: "pinned", qualifiedName }]);
  }

  #unpinPiece(node: ContextNode): void {
    const { pins } = this.#options;
    const unit = unitOf(node);
    const places = node.kind === "pin" ? [node.place] : unit === null ? [] : pinsOf(unit, pins.pinned);
    for (const place of places) pins.unpin(place);
  }

  async #dropPiece(node: ContextNode): Promise<void> {
    const unit = unitOf(node);
    if (unit === null || this.#options.pins.drop(unit)) return;
    const most = choicesMax.dropped;
    await warn(t("{0} pieces are taken out already, which is the most. Take one of them back first.", most));
  }

  /** Where nothing is selected, the line of the cursor: the engine pins the function around it. */
  async #pinSelection(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) return;
    const { start, end } = editor.selection;
    const isBehindLine = end.character === 0 && end.line > start.line;
    const lines = { startLine: start.line + 1, endLine: isBehindLine ? end.line : end.line + 1 };
    await this.#pinPlaces([editor.document.uri], lines);
  }

  /** The explorer gives the file that was clicked and all that are selected; without either, the file in the editor. */
  async #pinFiles(uri: unknown, uris: unknown): Promise<void> {
    const clicked = uri instanceof vscode.Uri ? uri : vscode.window.activeTextEditor?.document.uri;
    const selected: readonly unknown[] = Array.isArray(uris) ? uris : [clicked];
    const files = selected.filter((entry) => entry instanceof vscode.Uri);
    await this.#pinPlaces(files, { startLine: 0, endLine: 0 });
  }

  async #pinPlaces(
    files: readonly vscode.Uri[],
    lines: { readonly startLine: number; readonly endLine: number },
  ): Promise<void> {
    const { folder } = this.#options.index;
    const paths = files.map((file) => (folder === null ? null : relativePath(folder, file)));
    const inside = paths.filter((path) => path !== null);
    if (inside.length === 0) {
      await warn(t("Only files of the folder that questions are about can be pinned."));
      return;
    }
    if (await this.#pin(inside.map((path) => ({ path, ...lines, why: "pinned" })))) {
      await this.#options.view.revealChoices();
    }
  }

  async #pin(places: readonly PinnedPlace[]): Promise<boolean> {
    const arePinned = places.every((place) => this.#options.pins.pin(place));
    if (!arePinned)
      await warn(t("There are {0} pins already, which is the most. Remove one first.", choicesMax.pinned));
    return arePinned;
  }

  /** `asked` is a question that a command gives; without one, the person is asked for it. */
  async #preview(asked: unknown): Promise<void> {
    const { preview, conversation } = this.#options;
    const question =
      typeof asked === "string"
        ? asked
        : await vscode.window.showInputBox({
            title: t("Preview the context of a question"),
            prompt: t("Shows what would be sent, without asking. Empty: for the last question."),
            value: conversation.turns.at(-1)?.question ?? "",
          });
    if (question === undefined) return;
    const location = { viewId: ContextView.id };
    await vscode.window.withProgress({ location }, () => preview.show(question));
  }

  async #copyPrompt(): Promise<void> {
    const { prompt } = this.#options.view;
    if (prompt !== null) await vscode.env.clipboard.writeText(prompt.pieces.map(({ text }) => text).join(""));
  }
}

async function copyPiece(node: ContextNode): Promise<void> {
  if (node.kind === "piece") await vscode.env.clipboard.writeText(node.piece.text);
}

function unitOf(node: ContextNode): (UnitReference & UnitName) | null {
  if (node.kind === "piece") return node.piece.unit ?? null;
  return node.kind === "dropped" ? node.dropped.unit : null;
}

/** Whoever runs the command does not wait until the warning is read. */
function warn(sentence: string): Promise<void> {
  void vscode.window.showWarningMessage(sentence);
  return Promise.resolve();
}
