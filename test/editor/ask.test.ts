/** A person's way through the Ask view's conversations, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { readdir, readFile, watch } from "node:fs/promises";
import path from "node:path";
import { before, describe, test } from "node:test";
import type { FrameLocator, Page } from "playwright-core";
import { failureSentences } from "../../extension/protocol/failure.ts";
import { patienceMs, startCommand, textOf, themes, treeRows, useTheme } from "./browser.ts";
import { endlessAnswers } from "./endlessAnswers.ts";
import { useWorkbench } from "./workbench.ts";

describe("conversations in the Ask view", { timeout: 15 * patienceMs }, () => {
  const workbench = useWorkbench("ask", () => ({}));
  let page: Page;
  let ask: FrameLocator;

  before(() => {
    ({ page, ask } = workbench);
  });

  test("inserts code only where an editor is open, and then at its cursor", async () => {
    await workbench.send("How is it decided which beds are watered?");
    const turn = await workbench.finishedTurn(1);
    const insert = turn.getByRole("button", { name: "Insert at the cursor" }).first();
    await insert.click();
    await ask.locator(".status", { hasText: "No editor is open" }).waitFor();
    await workbench.openFile("valve.ts");
    await page.keyboard.press("Control+Home");
    await insert.click();
    await ask.locator(".status", { hasText: "The code was inserted." }).waitFor();
    await page.keyboard.press("Control+S");
    await page.locator('.tab.active[data-resource-name="valve.ts"]:not(.dirty)').waitFor();
    const code = (await turn.locator("pre").first().textContent()) ?? "";
    const written = await readFile(path.join(workbench.server.workspace, "src", "valve.ts"), "utf8");
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
    await workbench.picture("mention");
    await page.keyboard.press("Enter");
    assert.equal(await box.inputValue(), "What is measured in #file:src/sensor.ts ");
    await page.keyboard.press("Enter");
    const turn = await workbench.finishedTurn(2);
    assert.match(await textOf(turn.locator(".answer")), /1\. .*sensor/is);
    await treeRows(page, "Context")
      .filter({ hasText: /^Pinned/ })
      .waitFor();
  });

  test("finds places without offering a model, and says what is wrong with a command it does not have", async () => {
    await workbench.send("/find which beds are dry");
    const found = await workbench.finishedTurn(3);
    assert.equal(await found.getByRole("button", { name: "Choose a model" }).count(), 0);
    await workbench.send("/reticulate splines");
    const refused = await workbench.finishedTurn(4);
    assert.equal(await textOf(refused.locator(".failure p")), failureSentences.commandUnknown);
    await refused.locator(".failure").getByRole("button", { name: "Edit the question" }).click();
    await workbench.send("/find litres");
    await ask.locator(".turn").nth(3).locator(".question", { hasText: "/find litres" }).waitFor();
    await workbench.finishedTurn(4);
    assert.equal(await ask.locator(".turn").count(), 4);
  });

  test("never takes a secret along, whether it is mentioned or selected", async () => {
    await workbench.send("What is #file:.env for?");
    assert.match(await textOf((await workbench.finishedTurn(5)).locator(".failure")), /never sent.*secret/s);
    await workbench.openFile(".env");
    await page.keyboard.press("Control+A");
    await workbench.send("What is #selection for?");
    assert.match(await textOf((await workbench.finishedTurn(6)).locator(".failure")), /never sent.*secret/s);
  });

  test("answers again in the same place, and an edited question drops what followed it", async () => {
    await ask.locator(".turn").nth(5).getByRole("button", { name: "Answer again" }).click();
    await workbench.finishedTurn(6);
    assert.equal(await ask.locator(".turn").count(), 6);
    await ask.locator(".turn").nth(1).getByRole("button", { name: "Edit the question" }).click();
    await ask.locator(".editing").waitFor();
    await workbench.send("Where is the moisture measured?");
    await ask.locator(".turn").nth(2).waitFor({ state: "detached" });
    const turn = await workbench.finishedTurn(2);
    assert.equal(await textOf(turn.locator(".question")), "Where is the moisture measured?");
  });

  test("exports the conversation as Markdown and as JSON", async () => {
    for (const [command, extension] of [
      ["Export Conversation as Markdown", "md"],
      ["Export Conversation as JSON", "json"],
    ] as const) {
      const file = path.join(workbench.server.workspace, `exported.${extension}`);
      await startCommand(page, `Precis: ${command}`);
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
    await workbench.reload();
    await ask.locator(".turn").nth(1).waitFor();
    await workbench.titleAction("New Conversation");
    await ask.locator(".turn").first().waitFor({ state: "detached" });
    await workbench.send("When are the beds not watered?");
    await workbench.finishedTurn(1);
    await workbench.titleAction("Show Conversations");
    const list = ask.getByRole("region", { name: "Conversations" });
    await list.getByRole("button", { name: /^How is it decided/ }).waitFor();
    await workbench.picture("conversations");
    await list.getByRole("button", { name: /^How is it decided/ }).click();
    await ask.locator(".turn").nth(1).waitFor();
    await workbench.titleAction("Show Conversations");
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
      await workbench.picture(`conversation-${theme.label.toLowerCase().replaceAll(" ", "-")}`);
    }
  });

  test("keeps what was written when the engine stops, and says that it is incomplete", async () => {
    await reopenWithModel();
    await workbench.send("What keeps a valve from staying open?");
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.locator(".turn").last().locator(".answer:not(:empty)").waitFor();
    for (const pid of await workbench.server.enginePids()) process.kill(pid, "SIGKILL");
    const failed = await workbench.finishedTurn(1);
    assert.equal(await textOf(failed.locator(".stopped")), "This answer is incomplete.");
    assert.equal(await textOf(failed.locator(".failure p")), failureSentences.engineCrashed);
    assert.notEqual(await textOf(failed.locator(".answer")), "");
  });

  test("keeps what was written when the window is reloaded, and asks again", async () => {
    await ask.locator(".turn").last().locator(".failure").getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.locator(".turn").last().locator(".answer:not(:empty)").waitFor();
    await untilStored("What keeps a valve");
    await workbench.reload();
    const kept = await workbench.finishedTurn(2);
    assert.equal(await textOf(kept.locator(".failure p")), failureSentences.answerInterrupted);
    assert.notEqual(await textOf(kept.locator(".answer")), "");
    await workbench.picture("interrupted");
    await kept.locator(".failure").getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.getByRole("button", { name: "Stop" }).click();
    await workbench.finishedTurn(3);
  });

  /** The answer goes on for longer than any test. */
  async function reopenWithModel(): Promise<void> {
    await workbench.reload({ machine: await endlessAnswers(workbench.folder) });
    await workbench.newConversation();
  }

  /** Waits until the conversation that begins so is on the disk with part of its last answer. */
  async function untilStored(question: string): Promise<void> {
    const folder = path.join(workbench.server.folder, "user", "User", "workspaceStorage");
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
