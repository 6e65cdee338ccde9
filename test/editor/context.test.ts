/** What a person sees and decides of the context, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { FrameLocator, Locator, Page } from "playwright-core";
import { expand, patienceMs, runCommand, startCommand, themes, treeRows, useTheme } from "./browser.ts";
import { useWorkbench } from "./workbench.ts";

const question = "How is it decided which beds are watered?";

describe("the Context view", { timeout: 10 * patienceMs }, () => {
  const workbench = useWorkbench("context", () => ({ size: { width: 1280, height: 2600 } }));
  let page: Page;
  let ask: FrameLocator;

  before(() => {
    ({ page, ask } = workbench);
  });

  test("previews a context before anything was asked, and says that it is a preview", async () => {
    await startCommand(page, "Precis: Preview the Context");
    await page.locator(".quick-input-widget input").fill(question);
    await page.keyboard.press("Enter");
    await contextPane().getByText(`Preview: nothing was sent for “${question}”.`).waitFor();
    await description(/^preview: [\d,]+ → [\d,]+ of 3,072 tokens$/);
    await row(/^planWatering/).waitFor();
    assert.equal(await ask.locator(".turn").count(), 0);
    await workbench.picture("context-preview");
  });

  test("what is sent for a question takes the preview's place", async () => {
    await workbench.answerTo(question);
    await description(/^[\d,]+ → [\d,]+ of 3,072 tokens$/);
    assert.equal(await contextPane().getByText("Preview:").count(), 0);
  });

  test("a piece that is pinned is sent with the next question, whatever it is about", async () => {
    await press(row(/^find_alarms/), "Pin: Always Send It");
    await row(/^Your choices1 pinned/).waitFor();
    await workbench.answerTo("How are the litres per bed summed up in the weekly report?");
    await row(/^Pinned[\d,]+ tokens/).waitFor();
    await row(/^find_alarms[\d,]+ tokens · pinned/).waitFor();
  });

  test("a piece that is taken out is left out of the next question, with the reason", async () => {
    await press(row(/^litres_per_bed/), "Take Out: Never Send It");
    await row(/^Your choices1 pinned, 1 taken out/).waitFor();
    await workbench.answerTo("How are the litres per bed summed up in the weekly report?");
    await toEnd("Context");
    await expand(row(/^Left out/));
    await row(/^litres_per_bed.*taken out by you/).waitFor();
    for (const theme of themes) {
      await useTheme(page, theme);
      const name = theme.label.toLowerCase().replaceAll(" ", "-");
      await workbench.picture(`context-${name}`);
    }
  });

  test("pins and drops survive a reload, and all of them can be taken back at once", async () => {
    await workbench.reload();
    await row(/^Your choices1 pinned, 1 taken out/).waitFor();
    await press(row(/^Your choices/), "Remove All Pins and Take Everything Back");
    await row(/^Your choices/).waitFor({ state: "detached" });
  });

  test("the selection of the editor is pinned by a command, and shown without taking the focus", async () => {
    await workbench.openFile("plan.ts");
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("Shift+ArrowDown");
    await runCommand(page, "Precis: Pin Selection for Questions");
    await row(/^Your choices1 pinned/).waitFor();
    await row(/^plan\.ts:1-1lines · src\/schedule\/plan\.ts/).waitFor();
    assert.ok(await page.locator(".monaco-editor.focused").isVisible());
    await workbench.answerTo(question);
    await row(/^Pinned[\d,]+ /).waitFor();
    await press(row(/^plan\.ts:1-1/), "Unpin");
  });

  test("a budget that changes shows at once what it would send, marked as a preview", async () => {
    await workbench.server.setSettings({
      machine: { "precis.budget.contextTokens": 2048, "precis.budget.openFilePercent": 45 },
    });
    await description(/^preview: .* of 1,536 tokens$/);
    await contextPane().getByText("Preview: nothing was sent").waitFor();
    await workbench.picture("budget-preview");
    await runCommand(page, "Precis: End the Preview");
    await description(/^[\d,]+ → [\d,]+ of 3,072 tokens$/);
    await workbench.server.setSettings({});
  });

  test("a preset shows what it changes, changes the next prompt, and can be undone", async () => {
    await page.locator(".pane-header[aria-label^='Engine']").click();
    await startCommand(page, "Precis: Choose a Preset");
    const eco = page.locator(".quick-input-list .monaco-list-row", { hasText: "Eco" });
    await eco.getByText("budget.contextTokens: 0 → 2,048").waitFor();
    await workbench.picture("presets");
    await eco.click();
    await page.locator('.quick-input-list .monaco-list-row[aria-label="kv.keepRatio: 0.5 → 0.3"]').waitFor();
    await workbench.picture("preset-changes");
    await page.keyboard.press("Enter");
    await toEnd("Engine");
    await engineRow(/^Preset.*Eco/).waitFor();
    await workbench.answerTo(question);
    await description(/^[\d,]+ → [\d,]+ of 1,536 tokens$/);
    await runCommand(page, "Precis: Back to the Settings before the Preset");
    await engineRow(/^Preset.*Balanced/).waitFor();
  });

  test("the Engine view tells the index, memory, completion and caches, and names a value that is not valid", async () => {
    await workbench.server.setSettings({ machine: { "precis.kv.keepRatio": 7 } });
    // Its rows need the room.
    for (const view of ["Ask", "Context"]) await page.locator(`.pane-header[aria-label^='${view}']`).click();
    await engineRow(/^Settings.*1 is not valid/).waitFor();
    await expand(engineRow(/^Index.*\d+ files, \d+ units/));
    await engineRow(/^Updated/).waitFor();
    await engineRow(/^Memory.*\d+ MiB/).waitFor();
    await engineRow(/^Completion/).waitFor();
    await engineRow(/^KV cache/).waitFor();
    await workbench.picture("engine");
    await workbench.server.setSettings({});
    await engineRow(/^Settings/).waitFor({ state: "detached" });
  });

  test("stored caches are only deleted when that is confirmed", async () => {
    await startCommand(page, "Precis: Delete Stored KV Caches");
    const dialog = page.locator(".monaco-dialog-box");
    await dialog.getByText("Delete the stored KV caches of all workspaces?").waitFor();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Deleted 0 segments").first().waitFor();
  });

  function contextPane(): Locator {
    return page.locator(".pane:has(.pane-header[aria-label^='Context'])");
  }

  /** The last rows: those out of sight are not there. */
  async function toEnd(view: string): Promise<void> {
    await page.locator(`.pane:has(.pane-header[aria-label^='${view}']) .monaco-list`).focus();
    await page.keyboard.press("End");
  }

  function row(text: RegExp): Locator {
    return treeRows(page, "Context").filter({ hasText: text });
  }

  function engineRow(text: RegExp): Locator {
    return treeRows(page, "Engine").filter({ hasText: text });
  }

  async function description(text: RegExp): Promise<void> {
    await page.locator(".pane-header[aria-label^='Context'] .description").filter({ hasText: text }).waitFor();
  }

  /** An action of a row, as the mouse finds it. */
  async function press(target: Locator, action: string): Promise<void> {
    await target.hover();
    await target.locator(`.action-label[aria-label="${action}"]`).click();
  }
});
