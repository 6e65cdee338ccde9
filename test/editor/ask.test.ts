/** A person's way through the Ask view's conversations, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, watch } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { failureSentences } from "../../extension/protocol/failure.ts";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { writeTestModel } from "../support/testModels.ts";
import { openAskView, openBrowser, openWorkbench, patienceMs, themes, treeRows, useTheme } from "./browser.ts";
import { CodeServer, root } from "./codeServer.ts";

const pictures = path.resolve(root, process.env["PRECIS_SCREENSHOTS"] ?? "test-results");

describe("conversations in the Ask view", { timeout: 15 * patienceMs }, () => {
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

  test("inserts code only where an editor is open, and then at its cursor", async () => {
    await send("How is it decided which beds are watered?");
    const turn = await finishedTurn(1);
    const insert = turn.getByRole("button", { name: "Insert at the cursor" }).first();
    await insert.click();
    await ask.locator(".status", { hasText: "No editor is open" }).waitFor();
    await openFile("valve.ts");
    await page.keyboard.press("Control+Home");
    await insert.click();
    await ask.locator(".status", { hasText: "The code was inserted." }).waitFor();
    await page.keyboard.press("Control+S");
    await page.locator('.tab.active[data-resource-name="valve.ts"]:not(.dirty)').waitFor();
    const code = (await turn.locator("pre").first().textContent()) ?? "";
    const written = await readFile(path.join(server.workspace, "src", "valve.ts"), "utf8");
    assert.ok(written.startsWith(code.trimEnd()), written.slice(0, 200));
  });

  test("copies the code of a block", async () => {
    const turn = ask.locator(".turn").first();
    await turn.getByRole("button", { name: "Copy the code" }).first().click();
    await ask.locator(".status", { hasText: "Copied." }).waitFor();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    assert.equal(copied, await turn.locator("pre").first().textContent());
  });

  test("completes a mention by keyboard, and takes the file along as pinned code", async () => {
    const box = ask.locator("#question");
    await box.focus();
    await page.keyboard.type("What is measured in #fi");
    await page.keyboard.press("Enter");
    await page.keyboard.type("sens");
    await ask.getByRole("option", { name: "src/sensor.ts" }).waitFor();
    await page.screenshot({ path: path.join(pictures, "mention.png") });
    await page.keyboard.press("Enter");
    assert.equal(await box.inputValue(), "What is measured in #file:src/sensor.ts ");
    await page.keyboard.press("Enter");
    const turn = await finishedTurn(2);
    assert.match(await textOf(turn.locator(".answer")), /1\. .*sensor/is);
    await treeRows(page, "Context")
      .filter({ hasText: /^Pinned/ })
      .waitFor();
  });

  test("finds places without offering a model, and says what is wrong with a command it does not have", async () => {
    await send("/find which beds are dry");
    const found = await finishedTurn(3);
    assert.equal(await found.getByRole("button", { name: "Choose a model" }).count(), 0);
    await send("/reticulate splines");
    const refused = await finishedTurn(4);
    assert.equal(await textOf(refused.locator(".failure p")), failureSentences.commandUnknown);
    await refused.locator(".failure").getByRole("button", { name: "Edit the question" }).click();
    await ask.locator("#question").fill("/find litres");
    await ask.locator("#question").press("Enter");
    const turn = await finishedTurn(4);
    assert.equal(await textOf(turn.locator(".question")), "/find litres");
    assert.equal(await ask.locator(".turn").count(), 4);
  });

  test("never takes a secret along, whether it is mentioned or selected", async () => {
    await send("What is #file:.env for?");
    assert.match(await textOf((await finishedTurn(5)).locator(".failure")), /never sent.*secret/s);
    await openFile(".env");
    await page.keyboard.press("Control+A");
    await send("What is #selection for?");
    assert.match(await textOf((await finishedTurn(6)).locator(".failure")), /never sent.*secret/s);
  });

  test("answers again in the same place, and an edited question drops what followed it", async () => {
    await ask.locator(".turn").nth(5).getByRole("button", { name: "Answer again" }).click();
    await finishedTurn(6);
    assert.equal(await ask.locator(".turn").count(), 6);
    await ask.locator(".turn").nth(1).getByRole("button", { name: "Edit the question" }).click();
    await ask.locator(".editing").waitFor();
    await send("Where is the moisture measured?");
    await ask.locator(".turn").nth(2).waitFor({ state: "detached" });
    const turn = await finishedTurn(2);
    assert.equal(await textOf(turn.locator(".question")), "Where is the moisture measured?");
  });

  test("exports the conversation as Markdown and as JSON", async () => {
    for (const [command, extension] of [
      ["Export Conversation as Markdown", "md"],
      ["Export Conversation as JSON", "json"],
    ] as const) {
      const file = path.join(server.workspace, `exported.${extension}`);
      await runCommand(`Precis: ${command}`);
      const input = page.locator(".quick-input-widget input").first();
      // The dialog takes the place of the list of commands, and then fills in a name of its own.
      await page.locator(".quick-input-title", { hasText: "Export the conversation" }).waitFor();
      await page.waitForFunction(`document.querySelector(".quick-input-widget input").value.endsWith(".${extension}")`);
      await input.fill(file);
      await input.press("Enter");
      await page.locator(`.tab.active[data-resource-name="exported.${extension}"]`).waitFor();
      const content = await readFile(file, "utf8");
      assert.match(content, /Where is the moisture measured\?/);
      if (extension === "md") assert.match(content, /^- \[src\/[\w/]+\.ts:\d+-\d+\]\(src/m);
      else assert.equal((JSON.parse(content) as { format: string }).format, "precis-conversation");
    }
  });

  test("keeps conversations: the window shows its own again, the others are listed, opened and deleted", async () => {
    await page.reload({ waitUntil: "commit" });
    ask = await openAskView(page);
    await ask.locator(".turn").nth(1).waitFor();
    await titleAction("New Conversation");
    await ask.locator(".turn").first().waitFor({ state: "detached" });
    await send("When are the beds not watered?");
    await finishedTurn(1);
    await titleAction("Show Conversations");
    const list = ask.getByRole("region", { name: "Conversations" });
    await list.getByRole("button", { name: /^How is it decided/ }).waitFor();
    await page.screenshot({ path: path.join(pictures, "conversations.png") });
    await list.getByRole("button", { name: /^How is it decided/ }).click();
    await ask.locator(".turn").nth(1).waitFor();
    await titleAction("Show Conversations");
    await list.getByRole("button", { name: "Delete the conversation When are the beds not watered?" }).click();
    await page.locator(".monaco-dialog-box").getByRole("button", { name: "Delete" }).click();
    await list.getByRole("button", { name: /^When are/ }).waitFor({ state: "detached" });
    await list.getByRole("button", { name: "Back to the conversation" }).click();
  });

  test("looks right in every theme", async () => {
    // Keys that are typed into a view's page reach the workbench late.
    await page.locator(".editor-instance .view-line").first().click();
    for (const theme of themes) {
      await useTheme(page, theme);
      await page.screenshot({
        path: path.join(pictures, `conversation-${theme.label.toLowerCase().replaceAll(" ", "-")}.png`),
      });
    }
  });

  test("keeps what was written when the engine stops, and says that it is incomplete", async () => {
    await reopenWithModel();
    await send("What keeps a valve from staying open?");
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.locator(".turn").last().locator(".answer:not(:empty)").waitFor();
    for (const pid of await server.enginePids()) process.kill(pid, "SIGKILL");
    const failed = await finishedTurn(1);
    assert.equal(await textOf(failed.locator(".stopped")), "This answer is incomplete.");
    assert.equal(await textOf(failed.locator(".failure p")), failureSentences.engineCrashed);
    assert.notEqual(await textOf(failed.locator(".answer")), "");
  });

  test("keeps what was written when the window is reloaded, and asks again", async () => {
    await ask.locator(".turn").last().locator(".failure").getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.locator(".turn").last().locator(".answer:not(:empty)").waitFor();
    await untilStored("What keeps a valve");
    await page.reload({ waitUntil: "commit" });
    ask = await openAskView(page);
    const kept = await finishedTurn(2);
    assert.equal(await textOf(kept.locator(".failure p")), failureSentences.answerInterrupted);
    assert.notEqual(await textOf(kept.locator(".answer")), "");
    await page.screenshot({ path: path.join(pictures, "interrupted.png") });
    await kept.locator(".failure").getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.getByRole("button", { name: "Stop" }).click();
    await finishedTurn(3);
  });

  /** Settings files count from the next window on. */
  async function reopenWithModel(): Promise<void> {
    const machine = {
      "precis.model.assistant": slowModel(),
      "precis.budget.contextTokens": 1024,
      "precis.budget.answerTokens": 512,
    };
    await server.setSettings({ machine });
    await page.reload({ waitUntil: "commit" });
    ask = await openAskView(page);
    await titleAction("New Conversation");
    await ask.locator(".welcome").waitFor();
  }

  function slowModel(): string {
    return path.join(models, "slow.gguf");
  }

  async function send(text: string): Promise<void> {
    const box = ask.locator("#question");
    await box.fill(text);
    await box.press("Enter");
  }

  /** The turn of that number, once it is done: then, and only then, it can be asked again. */
  async function finishedTurn(count: number): Promise<Locator> {
    const turn = ask.locator(".turn").nth(count - 1);
    await turn.locator(".turnFoot").waitFor();
    return turn;
  }

  async function openFile(name: string): Promise<void> {
    await page.keyboard.press("Control+P");
    await page.locator(".quick-input-widget input").first().fill(name);
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    await page.locator(".editor-instance .view-line").first().click();
  }

  async function runCommand(title: string): Promise<void> {
    await page.keyboard.press("F1");
    await page.locator(".quick-input-widget input").first().fill(`>${title}`);
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title }).waitFor();
    await page.keyboard.press("Enter");
  }

  /** A button in the view's title, which shows while the pointer is over the view. */
  async function titleAction(name: string): Promise<void> {
    const header = page.locator(".pane-header[aria-label^='Ask']");
    await header.hover();
    await header.locator(`a.action-label[aria-label^="${name}"]`).click();
  }

  /** Waits until the conversation that begins so is on the disk with part of its last answer. */
  async function untilStored(question: string): Promise<void> {
    const folder = path.join(server.folder, "user", "User", "workspaceStorage");
    const isStored = async (): Promise<boolean> => {
      for (const file of await conversationFiles(folder)) {
        const content = await readFile(file, "utf8").catch(() => "{}");
        const { turns = [] } = JSON.parse(content) as { turns?: { question: string; phase: string; text: string }[] };
        const last = turns.at(-1);
        if (last?.question.startsWith(question) === true && last.phase === "writing" && last.text !== "") return true;
      }
      return false;
    };
    // While an answer is written it is stored again and again, so a change before the watch began is no loss.
    const changes = watch(folder, { recursive: true, signal: AbortSignal.timeout(patienceMs) })[Symbol.asyncIterator]();
    while (!(await isStored())) await changes.next();
    await changes.return?.();
  }
});

async function conversationFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => /conversations[\\/][\w-]+\.json$/.test(name)).map((name) => path.join(folder, name));
}

async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").trim();
}
