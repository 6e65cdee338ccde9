import type { ViewIntent } from "../extension/protocol/view.ts";

/** What VS Code offers to the script of a webview. It can be acquired once. */
interface VsCodeApi {
  postMessage(message: ViewIntent): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export const vscodeApi: VsCodeApi = acquireVsCodeApi();
