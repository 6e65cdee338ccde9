/** The Ask view's real page in a plain browser: the test takes the place of VS Code between page and extension. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import path from "node:path";
import type { Page } from "playwright-core";
import { askPage } from "../../extension/host/askPage.ts";
import type { HostMessage, TurnView, ViewState } from "../../extension/protocol/view.ts";

const folder = path.resolve(import.meta.dirname, "../../dist/webview");
const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf" };

export interface AskPages {
  /** Loads the Ask view into an empty page; it is shown `state` as soon as it asks for it. */
  load(page: Page, state: ViewState, translations?: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** Serves dist/webview on this machine only. */
export async function serveAskPages(): Promise<AskPages> {
  let html = "";
  const server = createServer((request, response) => {
    const name = path.basename(request.url ?? "");
    if (name === "") {
      response.setHeader("content-type", "text/html").end(html);
      return;
    }
    readFile(path.join(folder, name)).then(
      (bytes) => response.setHeader("content-type", types[path.extname(name)] ?? "text/plain").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    load: async (page, state, translations = {}) => {
      const language = Object.keys(translations).length === 0 ? "en" : "de";
      html = askPage({ nonce: "bench", cspSource: url, uri: (name) => `${url}/${name}`, language, translations });
      await page.addInitScript(answerReady, { type: "state", state } satisfies HostMessage);
      await page.goto(url);
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/**
 * Runs in the page before its script: what VS Code gives a webview, and a host that answers at once. `shownMs` becomes the
 * time of the first frame that shows the last answer.
 */
function answerReady(state: unknown): void {
  const page = globalThis as unknown as {
    acquireVsCodeApi: () => unknown;
    postMessage(message: unknown, origin: string): void;
    requestAnimationFrame(run: () => void): void;
    document: { querySelector(selector: string): unknown };
    shownMs: Promise<number>;
    /** What the page has sent, oldest first. */
    intents: unknown[];
  };
  page.intents = [];
  page.shownMs = new Promise((resolve) => {
    const look = (): void => {
      if (page.document.querySelector(".turn:last-child .answer > *, .turn.writing") === null)
        page.requestAnimationFrame(look);
      else resolve(performance.now());
    };
    look();
  });
  let kept: unknown;
  page.acquireVsCodeApi = () => ({
    postMessage: (intent: { type: string }) => {
      page.intents.push(intent);
      if (intent.type === "ready") page.postMessage(state, "*");
    },
    getState: () => kept,
    setState: (value: unknown) => (kept = value),
  });
}

/** A turn with everything that a person can see of one. */
export function turnOf(askId: string, change: Partial<TurnView> = {}): TurnView {
  const place = { path: "src/schedule/plan.ts", startLine: 10, endLine: 27, name: "planWatering", resolved: true };
  return {
    askId,
    question: "How is it decided which beds are watered?",
    askedMs: 0,
    command: null,
    phase: "done",
    progress: null,
    found: [],
    text: "By `planWatering` in `src/schedule/plan.ts:10-27`.",
    citations: [place],
    source: "assistant",
    stopReason: "end",
    figures: "1,024 → 512 tokens",
    failure: null,
    ...change,
  };
}

export function stateOf(turns: readonly TurnView[]): ViewState {
  return { folder: "greenhouse", turns, notice: null, budget: null, history: [] };
}
