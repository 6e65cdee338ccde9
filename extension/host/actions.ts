import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { unreachable } from "../base/unreachable.ts";
import { toFailure } from "../protocol/failure.ts";
import type { LineRange } from "../protocol/units.ts";
import type { FailureAction, ViewIntent } from "../protocol/view.ts";
import type { AskView } from "./askView.ts";
import { setAssistantModel } from "./configuration.ts";
import type { Conversation } from "./conversation.ts";
import type { FolderIndex } from "./folderIndex.ts";
import { openLines } from "./workspaceFolder.ts";

export interface ActionsOptions {
  readonly client: EngineClient;
  readonly conversation: Conversation;
  readonly index: FolderIndex;
  readonly log: vscode.LogOutputChannel;
}

/** What a person can do with Precis, from a command, a menu, or the Ask view alike. */
export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  /** Registers every command that package.json contributes. */
  registerCommands(askView: AskView): vscode.Disposable[] {
    const { conversation, index, log } = this.#options;
    const commands: Readonly<Record<string, (argument?: unknown) => unknown>> = {
      "precis.ask": async (question) => {
        await askView.focus();
        return typeof question === "string" ? conversation.ask(question) : undefined;
      },
      "precis.stop": () => {
        conversation.stop();
      },
      "precis.clear": () => {
        conversation.clear();
      },
      "precis.restartEngine": () => this.#restartEngine(),
      "precis.reindex": () => {
        index.reindex();
      },
      "precis.openPiece": (piece) => {
        const place = placeOf(piece);
        return place === null ? undefined : this.#open(place.path, place);
      },
      "precis.copyPrompt": () => this.#copyPrompt(),
      "precis.showLog": () => {
        log.show();
      },
      "precis.chooseModel": () => this.#chooseModel(),
      "precis.openSettings": () => openSettings(),
    };
    return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
  }

  /** Does what the Ask view asks for. */
  perform(intent: Exclude<ViewIntent, { type: "ready" }>): void {
    switch (intent.type) {
      case "ask":
        void this.#options.conversation.ask(intent.question);
        return;
      case "stop":
        this.#options.conversation.stop();
        return;
      case "clear":
        this.#options.conversation.clear();
        return;
      case "openCitation":
        void this.#open(intent.path, intent);
        return;
      case "act":
        void this.#act(intent.action);
        return;
      default:
        unreachable(intent);
    }
  }

  async #act(action: FailureAction): Promise<void> {
    switch (action) {
      case "none":
      // The view asks again itself: it knows the question.
      case "askAgain":
        return;
      case "chooseModel":
        return this.#chooseModel();
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

  async #open(path: string, lines: LineRange): Promise<void> {
    const { folder } = this.#options.index;
    if (folder === null) return;
    try {
      await openLines(folder, path, lines);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      void vscode.window.showWarningMessage(`${path} could not be opened: ${reason}`);
    }
  }

  async #copyPrompt(): Promise<void> {
    const { prompt } = this.#options.conversation;
    if (prompt !== null) await vscode.env.clipboard.writeText(prompt.pieces.map(({ text }) => text).join(""));
  }

  async #chooseModel(): Promise<void> {
    const chosen = await vscode.window.showOpenDialog({
      title: "Choose the model that writes the answers",
      openLabel: "Use this model",
      canSelectMany: false,
      filters: { "GGUF models": ["gguf"], "All files": ["*"] },
    });
    const file = chosen?.[0];
    if (file !== undefined) await setAssistantModel(file.fsPath);
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
  if ("unit" in piece) return placeOf(piece.unit);
  if (!("path" in piece && "startLine" in piece && "endLine" in piece)) return null;
  const { path, startLine, endLine } = piece;
  return typeof path === "string" && typeof startLine === "number" && typeof endLine === "number"
    ? { path, startLine, endLine }
    : null;
}
