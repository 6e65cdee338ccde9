import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { parseViewIntent } from "../protocol/view.ts";
import type { HostMessage, ViewIntent, ViewState } from "../protocol/view.ts";
import { askPage } from "./askPage.ts";
import { stateMessage } from "./stateMessage.ts";

/** What changes within this time goes to the view together. Short enough for 30 updates a second on a busy machine. */
const postEveryMs = 20;

export interface AskViewOptions {
  readonly extensionUri: vscode.Uri;
  /** English text → the same in the editor's language; empty for English. */
  readonly translations: Readonly<Record<string, unknown>>;
  /** The truth, made anew for each message. */
  readonly state: () => ViewState;
  readonly onIntent: (intent: Exclude<ViewIntent, { type: "ready" }>) => void;
}

/** The webview of the Ask view. It may be gone while it is hidden; the state is sent again when it says `ready`. */
export class AskView implements vscode.WebviewViewProvider {
  static readonly id = "precis.ask";
  readonly #options: AskViewOptions;
  #view: vscode.WebviewView | null = null;
  #isReady = false;
  #afterReady: readonly HostMessage[] = [];
  /** What the view knows; null before it was told anything. */
  #shown: ViewState | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: AskViewOptions) {
    this.#options = options;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const folder = vscode.Uri.joinPath(this.#options.extensionUri, "dist", "webview");
    this.#view = view;
    this.#isReady = false;
    view.webview.options = { enableScripts: true, localResourceRoots: [folder] };
    view.webview.onDidReceiveMessage((message: unknown) => {
      const intent = parseViewIntent(message);
      if (intent?.type === "ready") this.#onReady();
      else if (intent !== null) this.#options.onIntent(intent);
    });
    view.onDidDispose(() => {
      this.#view = null;
      this.#isReady = false;
    });
    view.webview.html = askPage({
      nonce: randomBytes(16).toString("base64url"),
      cspSource: view.webview.cspSource,
      uri: (name) => view.webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString(),
      language: vscode.env.language,
      translations: this.#options.translations,
    });
  }

  /** The state changed: it is posted soon, together with what else changes until then. */
  refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#postState();
    }, postEveryMs);
  }

  /** Shows the view and puts the cursor into the question box. */
  focus(): Promise<void> {
    return this.#show({ type: "focusQuestion" });
  }

  /** Shows the view with the list of conversations. */
  showHistory(): Promise<void> {
    return this.#show({ type: "showHistory" });
  }

  /** Posts what is no part of the state. */
  tell(message: Extract<HostMessage, { type: "told" | "mentions" }>): void {
    if (this.#isReady) this.#post(message);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #show(message: HostMessage): Promise<void> {
    this.#afterReady = [message];
    await vscode.commands.executeCommand(`${AskView.id}.focus`);
    if (this.#isReady) this.#postAfterReady();
  }

  #onReady(): void {
    this.#isReady = true;
    this.#shown = null;
    this.#postState();
    this.#postAfterReady();
  }

  #postAfterReady(): void {
    for (const message of this.#afterReady) this.#post(message);
    this.#afterReady = [];
  }

  #postState(): void {
    if (!this.#isReady) return;
    const state = this.#options.state();
    const message = stateMessage(this.#shown, state);
    this.#shown = state;
    if (message !== null) this.#post(message);
  }

  #post(message: HostMessage): void {
    // A message to a hidden view is lost: the view asks for the state when it is shown again.
    void this.#view?.webview.postMessage(message);
  }
}
