/** A person's way to a model: chosen, downloaded, used, deleted; and to another device. In a real workbench. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { startModelServer } from "../support/modelServer.ts";
import type { ModelServer } from "../support/modelServer.ts";
import { writeTestModel } from "../support/testModels.ts";
import { openAskView, openBrowser, openWorkbench, patienceMs, runCommand, treeRows } from "./browser.ts";
import { CodeServer, root } from "./codeServer.ts";

const pictures = path.resolve(root, process.env["PRECIS_SCREENSHOTS"] ?? "test-results");

describe("models", { timeout: 10 * patienceMs }, () => {
  let folder = "";
  let hub: ModelServer;
  let server: CodeServer;
  let browser: Browser;
  let page: Page;
  let ask: FrameLocator;

  before(async () => {
    const host = { root, node: process.execPath, log: console.error };
    const { entry } = await ensureEditorHost(host);
    await mkdir(pictures, { recursive: true });
    folder = await mkdtemp(path.join(os.tmpdir(), "precis-models-"));
    const file = path.join(folder, "source.gguf");
    await writeTestModel({ file, architecture: "qwen2" });
    hub = await startModelServer(await readFile(file));
    await rm(file);
    const machine = {
      "precis.model.folder": folder,
      "precis.budget.contextTokens": 1024,
      "precis.budget.answerTokens": 32,
    };
    server = await CodeServer.start({ entry, settings: { machine } });
    browser = await openBrowser(await ensureBrowser(host));
    page = await openWorkbench(browser, server);
    ask = await openAskView(page);
    await toggle("Context");
    await toggle("Engine");
  });

  after(async () => {
    // Each may be missing when `before` failed half-way.
    await (browser as Browser | undefined)?.close();
    await (server as CodeServer | undefined)?.close();
    await (hub as ModelServer | undefined)?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("are offered for each role, with size, licence, and whether they fit", async () => {
    await page.keyboard.press("F1");
    await page.locator(".quick-input-widget input").fill(">Precis: Choose a Model…");
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "Choose a Model" }).waitFor();
    await page.keyboard.press("Enter");
    await pickRow("Completer").waitFor();
    await pickRow("Assistant").click();
    await pickRow(/Qwen3 4B.*about 2\.3 GiB · Apache-2\.0.*fits in memory, needs [\d.]+ GiB/).waitFor();
    await page.screenshot({ path: path.join(pictures, "models-choose.png") });
    await filterPicks("Browse for a file");
    await pickRow("Browse for a file…").waitFor();
    assert.deepEqual(hub.requests, []);
  });

  test("come from any address, with progress in the view and in one notification", async () => {
    hub.behave({ pacing: { bytes: 16 * 1024, everyMs: 20 } });
    await filterPicks("From a URL");
    await page.keyboard.press("Enter");
    const box = page.locator(".quick-input-widget input[placeholder*='hf:user']");
    await box.fill("not an address");
    await page.locator(".quick-input-message", { hasText: "An address begins with" }).waitFor();
    await box.fill(`${hub.url}/tiny.gguf`);
    await page.keyboard.press("Enter");
    await row(/^tiny\.gguf.*\d+ [KM]iB of 2\d MiB/).waitFor();
    await page.locator(".notification-toast", { hasText: "Downloading tiny.gguf" }).waitFor();
    await page.screenshot({ path: path.join(pictures, "models-download.png") });
  });

  test("can be paused and resumed while they come", async () => {
    // Room for all rows of the Engine view.
    await toggle("Ask");
    await act(row(/^tiny\.gguf/), "Pause");
    await row(/^tiny\.gguf.*paused: /).waitFor();
    await page.locator(".notification-toast", { hasText: "Downloading" }).waitFor({ state: "hidden" });
    assert.deepEqual(await models(), []);
    hub.behave({});
    await act(row(/^tiny\.gguf/), "Resume");
    await row(/^Assistant.*tiny\.gguf/).waitFor();
    assert.deepEqual(await models(), ["tiny.gguf"]);
    const settings = await readFile(path.join(server.folder, "user", "Machine", "settings.json"), "utf8");
    assert.match(settings, /"precis\.model\.assistant": ".*tiny\.gguf"/);
  });

  test("write the next answer as soon as they are there", async () => {
    await toggle("Ask");
    const question = ask.getByRole("textbox", { name: "Question" });
    await question.fill("How is it decided which beds are watered?");
    await question.press("Enter");
    const turn = ask.locator(".turn").last();
    await turn.locator(".figures").waitFor();
    assert.notEqual(((await turn.locator(".answer").textContent()) ?? "").trim(), "");
    assert.equal(await turn.getByRole("button", { name: "Choose a model" }).count(), 0);
    await row(/^Assistant.*tiny\.gguf · CPU · 2\d MiB/).waitFor();
  });

  test("run on the CPU when a person wants it, until the engine is restarted", async () => {
    await runCommand(page, "Precis: Try Again on the CPU");
    await askAgain();
    await toggle("Ask");
    await row(/^Device/)
      .locator(".monaco-tl-twistie")
      .click();
    await row(/^CPU.*until the engine is restarted/).waitFor();
    await row(/^CUDA.*Not used while the CPU is/).waitFor();
    await page.screenshot({ path: path.join(pictures, "models-device.png") });
    await toggle("Ask");
    await runCommand(page, "Precis: Restart Engine");
    await askAgain();
    await toggle("Ask");
    await row(/^CPU.*was chosen in the settings/).waitFor();
  });

  test("are deleted with a confirmation, and then no longer used", async () => {
    await row(/^Models/)
      .locator(".monaco-tl-twistie")
      .click();
    await act(row(/^tiny\.gguf/), "Delete");
    const dialog = page.locator(".monaco-dialog-box", { hasText: "Delete tiny.gguf" });
    await dialog.getByRole("button", { name: "Delete" }).click();
    await row(/^Models.*none downloaded/).waitFor();
    await row(/^Assistant.*none: answers are the code itself/).waitFor();
    assert.deepEqual(await models(), []);
  });

  /** Opens or closes one of the container's views. */
  async function toggle(view: string): Promise<void> {
    await page.locator(`.pane-header[aria-label^='${view}']`).click({ position: { x: 40, y: 10 } });
  }

  async function askAgain(): Promise<void> {
    const turns = await ask.locator(".turn").count();
    const question = ask.getByRole("textbox", { name: "Question" });
    await question.fill("When are the beds not watered?");
    await question.press("Enter");
    await ask.locator(".turn").nth(turns).locator(".figures").waitFor();
  }

  function row(text: RegExp): Locator {
    return treeRows(page, "Engine").filter({ hasText: text });
  }

  function pickRow(text: string | RegExp): Locator {
    return page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
  }

  async function filterPicks(text: string): Promise<void> {
    await page.locator(".quick-input-widget .quick-input-filter input").fill(text);
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: text }).waitFor();
  }

  async function act(at: Locator, name: string): Promise<void> {
    await at.hover();
    await at.locator(`a.action-label[aria-label^="${name}"]`).click();
  }

  async function models(): Promise<string[]> {
    return (await readdir(folder)).filter((name) => name.endsWith(".gguf"));
  }
});
