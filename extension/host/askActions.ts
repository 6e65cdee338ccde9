import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import { unreachable } from "../base/unreachable.ts";
import type { EngineClient } from "../client/engineClient.ts";
import { conversationJson, conversationTitle } from "../protocol/conversation.ts";
import { toFailure } from "../protocol/failure.ts";
import type { LineRange } from "../protocol/units.ts";
import type { FailureAction, ViewIntent } from "../protocol/view.ts";
import type { AskView } from "./askView.ts";
import type { Conversation } from "./conversation.ts";
import { conversationMarkdown } from "./exportConversation.ts";
import { failureText } from "./failureView.ts";
import type { History } from "./history.ts";
import { insertCode } from "./insertCode.ts";

export interface AskActionsOptions {
  readonly client: EngineClient;
  readonly conversation: Conversation;
  readonly history: History;
  /** The view, once it exists. */
  readonly view: () => AskView;
  /** The folder that questions are about, or null. */
  readonly folder: () => string | null;
  /** Opens that folder and waits until it is indexed. Rejects with a Failure. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  readonly act: (action: FailureAction) => Promise<void>;
  readonly open: (path: string, lines: LineRange) => Promise<void>;
}

type Intent = Exclude<ViewIntent, { type: "ready" }>;
type ExportFormat = "markdown" | "json";

/** Suggestions for one mention. */
const mentionsShown = 30;

/** What a person does in the Ask view, and with its conversations. */
export class AskActions {
  readonly #options: AskActionsOptions;
  #mentionSearch = new AbortController();

  constructor(options: AskActionsOptions) {
    this.#options = options;
  }

  registerCommands(): vscode.Disposable[] {
    const { conversation, view } = this.#options;
    const commands: Readonly<Record<string, (argument?: unknown) => unknown>> = {
      "precis.ask": async (question) => {
        await view().focus();
        return typeof question === "string" ? conversation.ask(question) : undefined;
      },
      "precis.stop": () => {
        conversation.stop();
      },
      "precis.newConversation": () => {
        conversation.begin();
        return view().focus();
      },
      "precis.showHistory": () => view().showHistory(),
      "precis.exportMarkdown": () => this.#export("markdown"),
      "precis.exportJson": () => this.#export("json"),
    };
    return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
  }

  /** Does what the view asks for. */
  perform(intent: Intent): void {
    const { conversation, history } = this.#options;
    switch (intent.type) {
      case "ask":
        void conversation.ask(intent.question, intent);
        return;
      case "stop":
        conversation.stop();
        return;
      case "newConversation":
        conversation.begin();
        return;
      case "refreshHistory":
        void history.refresh();
        return;
      case "openConversation":
        void history.open(intent.id);
        return;
      case "deleteConversation":
        void this.#delete(intent.id);
        return;
      case "copy":
        void this.#copy(intent.text);
        return;
      case "insertCode":
        void this.#insert(intent.text);
        return;
      case "findMentions":
        void this.#findMentions(intent);
        return;
      case "openCitation":
        void this.#options.open(intent.path, intent);
        return;
      case "act":
        void this.#options.act(intent.action);
        return;
      default:
        unreachable(intent);
    }
  }

  async #delete(id: string): Promise<void> {
    const { history } = this.#options;
    const title = history.entries.find((entry) => entry.id === id)?.title ?? "";
    const [question, remove] = [t("Delete this conversation?"), t("Delete")];
    const answer = await vscode.window.showWarningMessage(question, { modal: true, detail: title }, remove);
    if (answer === remove) await history.delete(id);
  }

  async #copy(text: string): Promise<void> {
    await vscode.env.clipboard.writeText(text);
    this.#tell(t("Copied."));
  }

  async #insert(code: string): Promise<void> {
    this.#tell(await insertCode(code));
  }

  /** A newer search takes the place of one that is under way: its places would be of no use any more. */
  async #findMentions({ requestId, kind, query }: Extract<Intent, { type: "findMentions" }>): Promise<void> {
    this.#mentionSearch.abort();
    const search = new AbortController();
    this.#mentionSearch = search;
    try {
      await this.#options.prepare(search.signal);
      const params = { kind, query, top: mentionsShown };
      const { places } = await this.#options.client.request("findMentions", params, { signal: search.signal });
      this.#options.view().tell({ type: "mentions", requestId, places });
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (!search.signal.aborted) this.#tell(failureText(failure));
    }
  }

  async #export(format: ExportFormat): Promise<void> {
    const { id, createdMs, turns } = this.#options.conversation;
    if (turns.length === 0) {
      void vscode.window.showInformationMessage(t("There is no conversation to export yet. Ask a question first."));
      return;
    }
    const title = conversationTitle({ turns });
    const folder = this.#options.folder();
    const content =
      format === "markdown"
        ? conversationMarkdown({ title, folder: folder === null ? null : baseName(folder), turns })
        : conversationJson({ id, createdMs, updatedMs: turns.at(-1)?.askedMs ?? createdMs, turns });
    const extension = format === "markdown" ? "md" : "json";
    const name = `${fileName(title)}.${extension}`;
    const chosen = await vscode.window.showSaveDialog({
      title: t("Export the conversation"),
      filters: format === "markdown" ? { Markdown: ["md"] } : { JSON: ["json"] },
      ...(folder === null ? {} : { defaultUri: vscode.Uri.joinPath(vscode.Uri.file(folder), name) }),
    });
    if (chosen === undefined) return;
    try {
      await vscode.workspace.fs.writeFile(chosen, new TextEncoder().encode(content));
      await vscode.window.showTextDocument(chosen, { preview: true });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      void vscode.window.showWarningMessage(t("The conversation could not be exported: {0}", reason));
    }
  }

  #tell(sentence: string): void {
    this.#options.view().tell({ type: "told", sentence });
  }
}

/** A name that every file system takes. */
function fileName(title: string): string {
  const name = title
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return name === "" ? "conversation" : name;
}

function baseName(folder: string): string {
  return folder.split(/[\\/]/).findLast((part) => part !== "") ?? folder;
}
