import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { unreachable } from "../base/unreachable.ts";
import { toFailure } from "../protocol/failure.ts";
import type { LineRange } from "../protocol/units.ts";
import type { FailureAction } from "../protocol/view.ts";
import { clearCaches } from "./clearCaches.ts";
import type { EngineStatusWatch } from "./engineStatusWatch.ts";
import type { FolderIndex } from "./folderIndex.ts";
import { openLines } from "./workspaceFolder.ts";

export interface ActionsOptions {
  readonly client: EngineClient;
  readonly index: FolderIndex;
  readonly statusWatch: EngineStatusWatch;
  readonly log: vscode.LogOutputChannel;
}

/** What a person can do with Precis beside asking, from a command, a menu, or the Ask view alike. */
export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  /** Registers the commands that package.json contributes, beside those of the Ask view (`AskActions`). */
  registerCommands(): vscode.Disposable[] {
    const { index, log } = this.#options;
    const commands: Readonly<Record<string, (argument?: unknown) => unknown>> = {
      "precis.restartEngine": () => this.#restartEngine(),
      "precis.reindex": () => {
        index.reindex();
      },
      "precis.openPiece": (piece) => {
        const place = placeOf(piece);
        // The walkthrough waits for it: a command that a row of a tree runs with arguments is not told to it.
        void vscode.commands.executeCommand("setContext", "precis.hasOpenedPiece", true);
        return place === null ? undefined : this.open(place.path, place);
      },
      "precis.clearCaches": () => clearCaches(this.#options.client, this.#options.statusWatch),
      "precis.showLog": () => {
        log.show();
      },
      "precis.openSettings": () => openSettings(),
      "precis.openWalkthrough": () =>
        vscode.commands.executeCommand("workbench.action.openWalkthrough", "precis.precis#start", false),
    };
    return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
  }

  /** Does what a failure's button says. */
  async act(action: FailureAction): Promise<void> {
    switch (action) {
      case "none":
      // These the view does itself: it knows the question.
      case "askAgain":
      case "editQuestion":
        return;
      case "chooseModel":
        await vscode.commands.executeCommand("precis.chooseModel", "assistant");
        return;
      case "useCpu":
        await vscode.commands.executeCommand("precis.useCpu");
        return;
      case "openFolder":
        await vscode.commands.executeCommand("workbench.action.files.openFolder");
        return;
      case "openSettings":
        return openSettings();
      case "reloadWindow":
        await vscode.commands.executeCommand("workbench.action.reloadWindow");
        return;
      case "restartEngine":
        return this.#restartEngine();
      case "showLog":
        this.#options.log.show();
        return;
      default:
        unreachable(action);
    }
  }

  async #restartEngine(): Promise<void> {
    const { client, log } = this.#options;
    try {
      await client.restart();
    } catch (thrown) {
      // The views show the state that the client is in now.
      log.error(`The engine could not be restarted: ${toFailure(thrown).message}`);
    }
  }

  /** Opens a file of the folder at these lines. */
  async open(path: string, lines: LineRange): Promise<void> {
    const { folder } = this.#options.index;
    if (folder === null) return;
    try {
      await openLines(folder, path, lines);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      void vscode.window.showWarningMessage(`${path} could not be opened: ${reason}`);
    }
  }
}

async function openSettings(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", "@ext:precis.precis");
}

/** Where a piece of the Context view is: the command gets the unit itself or the tree's node, by the way it is run. */
function placeOf(piece: unknown): ({ readonly path: string } & LineRange) | null {
  if (typeof piece !== "object" || piece === null) return null;
  if ("piece" in piece) return placeOf(piece.piece);
  if ("dropped" in piece) return placeOf(piece.dropped);
  if ("place" in piece) return placeOf(piece.place);
  if ("unit" in piece) return placeOf(piece.unit);
  if (!("path" in piece && "startLine" in piece && "endLine" in piece)) return null;
  const { path, startLine, endLine } = piece;
  return typeof path === "string" && typeof startLine === "number" && typeof endLine === "number"
    ? { path, startLine, endLine }
    : null;
}
