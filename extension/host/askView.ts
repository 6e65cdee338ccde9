import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { parseViewIntent } from "../protocol/view.ts";
import type { HostMessage, ViewIntent, ViewState } from "../protocol/view.ts";

/** While an answer streams, the view gets a new state at most this often. */
const postEveryMs = 60;

export interface AskViewOptions {
  readonly extensionUri: vscode.Uri;
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
  #focusWhenReady = false;
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
    view.webview.html = page(view.webview, folder);
  }

  /** The state changed: it is posted soon, together with what else changes until then. */
  refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#postState();
    }, postEveryMs);
  }

  /** Shows the view and puts the cursor into the question box. */
  async focus(): Promise<void> {
    this.#focusWhenReady = true;
    await vscode.commands.executeCommand(`${AskView.id}.focus`);
    if (this.#isReady) this.#onReady();
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #onReady(): void {
    this.#isReady = true;
    this.#postState();
    if (!this.#focusWhenReady) return;
    this.#focusWhenReady = false;
    this.#post({ type: "focusQuestion" });
  }

  #postState(): void {
    if (this.#isReady) this.#post({ type: "state", state: this.#options.state() });
  }

  #post(message: HostMessage): void {
    // A message to a hidden view is lost: the view asks for the state when it is shown again.
    void this.#view?.webview.postMessage(message);
  }
}

function page(webview: vscode.Webview, folder: vscode.Uri): string {
  const nonce = randomBytes(16).toString("base64url");
  const uri = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString();
  const policy = [
    "default-src 'none'",
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    `script-src 'nonce-${nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Ask</title>
    <link rel="stylesheet" href="${uri("main.css")}">
  </head>
  <body>
    <script nonce="${nonce}" src="${uri("main.js")}"></script>
  </body>
</html>`;
}
