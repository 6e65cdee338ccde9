/** A window of a real workbench for the tests of one file, and what a person does in it again and again. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before } from "node:test";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { askFrame, openAskView, openBrowser, openWorkbench, pictures, repeatUntil, runCommand } from "./browser.ts";
import { CodeServer, root } from "./codeServer.ts";
import type { CodeServerOptions, EditorSettings } from "./codeServer.ts";

export interface WorkbenchOptions extends Omit<CodeServerOptions, "entry"> {
  /** Of the window, in pixels. Default 1280 × 1000. */
  readonly size?: { readonly width: number; readonly height: number };
  /** False: the window shows what it shows first. Default true. */
  readonly opensAskView?: boolean;
}

export class Workbench {
  readonly #name: string;
  #folder = "";
  #server: CodeServer | null = null;
  #browser: Browser | null = null;
  #page: Page | null = null;

  /** `name`: what the pictures begin with that tests leave when they fail. */
  constructor(name: string) {
    this.#name = name;
  }

  /** A folder for models and the like; deleted in the end. */
  get folder(): string {
    return this.#folder;
  }

  get server(): CodeServer {
    return opened(this.#server);
  }

  get browser(): Browser {
    return opened(this.#browser);
  }

  get page(): Page {
    return opened(this.#page);
  }

  /** The Ask view's document, whichever page it shows. */
  get ask(): FrameLocator {
    return askFrame(this.page);
  }

  /** `prepare` may write into `folder`, and says how the server is started. */
  async open(prepare: () => WorkbenchOptions | Promise<WorkbenchOptions>): Promise<void> {
    const host = { root, node: process.execPath, log: console.error };
    const { entry } = await ensureEditorHost(host);
    await mkdir(pictures, { recursive: true });
    this.#folder = await mkdtemp(path.join(os.tmpdir(), "precis-models-"));
    const { size, opensAskView = true, ...options } = await prepare();
    this.#server = await CodeServer.start({ entry, ...options });
    this.#browser = await openBrowser(await ensureBrowser(host));
    this.#page = await openWorkbench(this.#browser, this.#server);
    if (size !== undefined) await this.#page.setViewportSize(size);
    if (opensAskView) await openAskView(this.#page);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: path.join(pictures, `${name}.png`) });
  }

  /** What went wrong, for whoever reads the output: a picture, and what the window says. */
  async reportFailure(test: string): Promise<void> {
    if (this.#page === null) return;
    await this.picture(`${this.#name}-failed-${test.replaceAll(/\W+/g, "-").slice(0, 60)}`);
    const said = await this.#page.locator(".notification-toast, .statusbar-item[aria-label^='Precis']").allInnerTexts();
    console.log(`the window says: ${JSON.stringify(said)}`);
  }

  /** Shows the window anew, as it does for settings that it reads when it starts. */
  async reload(settings?: EditorSettings): Promise<void> {
    if (settings !== undefined) await this.server.setSettings(settings);
    await this.page.reload({ waitUntil: "commit" });
    await openAskView(this.page);
  }

  /** The window shows its last conversation again after it was reloaded; this begins another one. */
  async newConversation(): Promise<void> {
    await this.titleAction("New Conversation");
    await this.ask.locator(".welcome:not([hidden])").waitFor();
  }

  /** A button in the Ask view's title, which shows while the pointer is over the view. */
  async titleAction(name: string): Promise<void> {
    const header = this.page.locator(".pane-header[aria-label^='Ask']");
    await header.hover();
    await header.locator(`a.action-label[aria-label^="${name}"]`).click();
  }

  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press("Control+P");
    await this.page.locator(".quick-input-widget input").first().fill(name);
    await this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    // Keys that are pressed before the editor has the focus are lost.
    await this.page.locator(`.monaco-editor.focused[data-uri$="/${name}"]`).waitFor();
  }

  /** Shows the walkthrough; resolves to each step's mark and name, in order. What is done before it was first shown is not ticked. */
  async walkthroughSteps(): Promise<string[]> {
    await runCommand(this.page, "Precis: Get Started");
    const marks = this.page.locator('[role="checkbox"][data-done-step-id]');
    await marks.first().waitFor();
    const all = (await marks.all()).map(async (mark) => {
      const name = (await mark.getAttribute("data-done-step-id"))?.split("#").at(-1) ?? "";
      return `${(await mark.getAttribute("aria-checked")) === "true" ? "✓" : "○"} ${name}`;
    });
    return Promise.all(all);
  }

  /** What is sent leaves the box; while an answer is written, nothing is sent. */
  async send(question: string): Promise<void> {
    const box = this.ask.locator("#question");
    await box.fill(question);
    const isSent = async (): Promise<boolean> => (await box.inputValue()) === "";
    await repeatUntil(isSent, () => box.press("Enter"));
  }

  /** Sends the question and resolves to its turn once that is done. */
  async answerTo(question: string): Promise<Locator> {
    const before = await this.ask.locator(".turn").count();
    await this.send(question);
    return this.finishedTurn(before + 1);
  }

  /** The turn of that number, from 1, once it is done: then, and only then, it can be asked again. */
  async finishedTurn(count: number): Promise<Locator> {
    const turn = this.ask.locator(".turn").nth(count - 1);
    await turn.locator(".turnFoot").waitFor();
    return turn;
  }
}

/** In a describe block: a workbench that is opened before its tests and closed after them. */
export function useWorkbench(
  name: string,
  prepare: (workbench: Workbench) => WorkbenchOptions | Promise<WorkbenchOptions>,
): Workbench {
  const workbench = new Workbench(name);
  before(() => workbench.open(() => prepare(workbench)));
  afterEach(async (context) => {
    if ("passed" in context && !context.passed) await workbench.reportFailure(context.name);
  });
  after(() => workbench.close());
  return workbench;
}

function opened<T>(part: T | null): T {
  if (part === null) throw new Error("the workbench is not open");
  return part;
}
