/** A person's way through the sidebar, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { failureSentences } from "../../extension/protocol/failure.ts";
import { writeTestModel } from "../support/testModels.ts";
import { openAskView, openBrowser, openWorkbench, patienceMs, themes, treeRows, useTheme } from "./browser.ts";
import { CodeServer, root } from "./codeServer.ts";
import type { EditorSettings } from "./codeServer.ts";

/** `PRECIS_SCREENSHOTS=docs/screenshots` writes the README's pictures. */
const pictures = path.resolve(root, process.env["PRECIS_SCREENSHOTS"] ?? "test-results");
const question = "How is it decided which beds are watered?";

/** Runs in the page: the colours of an element's text and of its ground. */
function coloursOf(node: unknown): readonly string[] {
  const page = globalThis as unknown as {
    getComputedStyle(node: unknown): { readonly color: string; readonly backgroundColor: string };
  };
  const { color, backgroundColor } = page.getComputedStyle(node);
  return [color, backgroundColor];
}

/** Runs in the page: presses a button and resolves with the milliseconds until it is hidden. */
function pressUntilHidden(node: unknown): Promise<number> {
  const button = node as { hidden: boolean; click(): void };
  const page = globalThis as unknown as {
    MutationObserver: new (changed: () => void) => { observe(node: unknown, what: { attributes: true }): void };
  };
  return new Promise((resolve) => {
    const pressed = performance.now();
    const observer = new page.MutationObserver(() => {
      if (button.hidden) resolve(performance.now() - pressed);
    });
    observer.observe(button, { attributes: true });
    button.click();
  });
}

describe("the Ask view", { timeout: 10 * patienceMs }, () => {
  let models = "";
  let server: CodeServer;
  let browser: Browser;
  let page: Page;
  let ask: FrameLocator;

  before(async () => {
    const host = { root, node: process.execPath, log: console.error };
    const { entry } = await ensureEditorHost(host);
    await mkdir(pictures, { recursive: true });
    models = await mkdtemp(path.join(os.tmpdir(), "precis-models-"));
    // Random weights, but enough of them that reading and writing take seconds.
    await writeTestModel({ file: slowModel(), layers: 8, embedding: 512, heads: 8, kvHeads: 8, feedForward: 1024 });
    server = await CodeServer.start({ entry });
    browser = await openBrowser(await ensureBrowser(host));
    page = await openWorkbench(browser, server);
    ask = await openAskView(page);
  });

  after(async () => {
    // Either may be missing when `before` failed half-way.
    await (browser as Browser | undefined)?.close();
    await (server as CodeServer | undefined)?.close();
    await rm(models, { recursive: true, force: true });
  });

  test("answers with the code that matters, its citations, and a way to a model", async () => {
    await send(question);
    const turn = await finishedTurn(1);
    assert.match(await textOf(turn.locator(".answer")), /planWatering/);
    assert.match(await textOf(turn.locator(".figures")), /→ [\d,]+ tokens/);
    await turn.getByRole("button", { name: "Choose a model to get written answers" }).waitFor();
  });

  test("opens the file of a citation at its lines", async () => {
    const chip = ask.locator(".turn").last().getByRole("list", { name: "Citations" }).getByRole("button").first();
    const [, file = "", line = ""] = /([\w.]+):(\d+)/.exec(await textOf(chip)) ?? [];
    await chip.click();
    await expectCursor(page, file, line);
  });

  test("links the places named in the text", async () => {
    const link = ask.locator(".turn .answer a.citation", { hasText: "src/schedule/plan.ts:10-27" }).first();
    await link.click();
    await expectCursor(page, "plan.ts", "10");
  });

  test("lists what was sent in the Context view, each piece with its tokens", async () => {
    const rows = treeRows(page, "Context");
    await rows.filter({ hasText: /^System/ }).waitFor();
    await rows.filter({ hasText: /^Retrieved[\d,]+ (→ [\d,]+ )?tokens/ }).waitFor();
    const piece = rows.filter({ hasText: /^find_alarms\d+ (→ \d+ )?tokens · -?\d/ });
    await piece.click();
    await expectCursor(page, "alarm.py", "12");
  });

  test("looks right in dark, light and high contrast", async () => {
    for (const theme of themes) {
      await useTheme(page, theme);
      const [text, ground] = await ask.locator(".question").last().evaluate(coloursOf);
      assert.notEqual(text, ground, theme.label);
      await page.screenshot({ path: path.join(pictures, `ask-${theme.label.toLowerCase().replaceAll(" ", "-")}.png`) });
    }
  });

  test("shows progress while the model reads, streams its answer, and stops at once", async () => {
    await reopenWith({ machine: { "precis.model.assistant": slowModel() } });
    await send("What keeps a valve from staying open?");
    await ask.locator(".status", { hasText: /Reading [\d,]+ of [\d,]+ tokens, [\d,]+ reused/ }).waitFor();
    await page.screenshot({ path: path.join(pictures, "reading.png") });
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await page.screenshot({ path: path.join(pictures, "writing.png") });
    const ms = await ask.getByRole("button", { name: "Stop" }).evaluate(pressUntilHidden);
    console.log(`from Stop to the end of the answer: ${Math.round(ms)} ms`);
    const turn = await finishedTurn(1);
    assert.equal(await textOf(turn.locator(".stopped")), "Stopped.");
    assert.notEqual(await textOf(turn.locator(".answer")), "");
    assert.equal(await turn.getByRole("button", { name: "Choose a model" }).count(), 0);
  });

  test("says so when the engine is killed while it answers, restarts it, and answers the next question", async () => {
    await send("When are the beds not watered?");
    await ask.locator(".status", { hasText: /Reading|Writing/ }).waitFor();
    for (const pid of await server.enginePids()) process.kill(pid, "SIGKILL");
    const failed = await finishedTurn(2);
    assert.equal(await textOf(failed.locator(".failure p")), failureSentences.engineCrashed);
    await page.screenshot({ path: path.join(pictures, "crashed.png") });
    await failed.getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.getByRole("button", { name: "Stop" }).click();
    assert.equal(await textOf((await finishedTurn(3)).locator(".stopped")), "Stopped.");
  });

  test("obeys the settings: the budget, the ignored files, and no model", async () => {
    await reopenWith({
      user: { "precis.index.ignoreGlobs": ["reports/**"] },
      machine: { "precis.budget.contextTokens": 2048, "precis.budget.answerTokens": 512 },
    });
    const description = page.locator(".pane-header[aria-label^='Context'] .description");
    await send("How are the litres per bed summed up in the weekly report?");
    const turn = await finishedTurn(1);
    await turn.getByRole("button", { name: "Choose a model to get written answers" }).waitFor();
    assert.doesNotMatch(await textOf(turn.locator(".answer")), /weekly\.py|alarm\.py/);
    await description.filter({ hasText: "of 1,536 tokens" }).waitFor();
    const [, sent = ""] = /→ ([\d,]+) of/.exec(await textOf(description)) ?? [];
    const tokens = Number(sent.replaceAll(",", ""));
    assert.ok(tokens > 0 && tokens <= 1536, `${tokens} tokens were sent`);
  });

  /** Settings files count from the next window on. */
  async function reopenWith(settings: EditorSettings): Promise<void> {
    await server.setSettings(settings);
    await page.reload({ waitUntil: "commit" });
    ask = await openAskView(page);
    // The window shows its conversation again.
    const header = page.locator(".pane-header[aria-label^='Ask']");
    await header.hover();
    await header.locator("a.action-label[aria-label^='New Conversation']").click();
    await ask.locator(".welcome").waitFor();
  }

  function slowModel(): string {
    return path.join(models, "slow.gguf");
  }

  async function send(text: string): Promise<void> {
    const box = ask.getByRole("textbox", { name: "Question" });
    await box.fill(text);
    await box.press("Enter");
  }

  /** The turn of that number, once it is done: then, and only then, there is a line of figures or a failure. */
  async function finishedTurn(count: number): Promise<Locator> {
    const turn = ask.locator(".turn").nth(count - 1);
    await turn.locator(".figures, .failure, .stopped").first().waitFor();
    return turn;
  }
});

async function expectCursor(page: Page, file: string, line: string): Promise<void> {
  await page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
  await page.locator(".monaco-editor .line-numbers.active-line-number", { hasText: new RegExp(`^${line}$`) }).waitFor();
}

async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").trim();
}
