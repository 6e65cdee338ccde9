/** A person's way through the sidebar, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { FrameLocator, Page } from "playwright-core";
import { failureSentences } from "../../extension/protocol/failure.ts";
import type { EditorSettings } from "./codeServer.ts";
import { endlessAnswers } from "./endlessAnswers.ts";
import { patienceMs, textOf, themes, treeRows, useTheme } from "./browser.ts";
import { useWorkbench } from "./workbench.ts";

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
  const workbench = useWorkbench("ui", () => ({}));
  let page: Page;
  let ask: FrameLocator;

  before(() => {
    ({ page, ask } = workbench);
  });

  test("answers with the code that matters, its citations, and a way to a model", async () => {
    await workbench.send(question);
    const turn = await workbench.finishedTurn(1);
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
      await workbench.picture(`ask-${theme.label.toLowerCase().replaceAll(" ", "-")}`);
    }
  });

  test("shows progress while the model reads, streams its answer, and stops at once", async () => {
    await reopenWith({ machine: await endlessAnswers(workbench.folder) });
    await workbench.send("What keeps a valve from staying open?");
    await ask.locator(".status", { hasText: /Reading [\d,]+ of [\d,]+ tokens, [\d,]+ reused/ }).waitFor();
    await workbench.picture("reading");
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await workbench.picture("writing");
    const ms = await ask.getByRole("button", { name: "Stop" }).evaluate(pressUntilHidden);
    console.log(`from Stop to the end of the answer: ${Math.round(ms)} ms`);
    const turn = await workbench.finishedTurn(1);
    assert.equal(await textOf(turn.locator(".stopped")), "Stopped.");
    assert.notEqual(await textOf(turn.locator(".answer")), "");
    assert.equal(await turn.getByRole("button", { name: "Choose a model" }).count(), 0);
  });

  test("says so when the engine is killed while it answers, restarts it, and answers the next question", async () => {
    await workbench.send("When are the beds not watered?");
    await ask.locator(".status", { hasText: /Reading|Writing/ }).waitFor();
    for (const pid of await workbench.server.enginePids()) process.kill(pid, "SIGKILL");
    const failed = await workbench.finishedTurn(2);
    assert.equal(await textOf(failed.locator(".failure p")), failureSentences.engineCrashed);
    await workbench.picture("crashed");
    await failed.getByRole("button", { name: "Ask again" }).click();
    await ask.locator(".status", { hasText: "Writing" }).waitFor();
    await ask.getByRole("button", { name: "Stop" }).click();
    assert.equal(await textOf((await workbench.finishedTurn(3)).locator(".stopped")), "Stopped.");
  });

  test("obeys the settings: the budget, the ignored files, and no model", async () => {
    await reopenWith({
      user: { "precis.index.ignoreGlobs": ["reports/**"] },
      machine: { "precis.budget.contextTokens": 2048, "precis.budget.answerTokens": 512 },
    });
    const description = page.locator(".pane-header[aria-label^='Context'] .description");
    await workbench.send("How are the litres per bed summed up in the weekly report?");
    const turn = await workbench.finishedTurn(1);
    await turn.getByRole("button", { name: "Choose a model to get written answers" }).waitFor();
    assert.doesNotMatch(await textOf(turn.locator(".answer")), /weekly\.py|alarm\.py/);
    await description.filter({ hasText: "of 1,536 tokens" }).waitFor();
    const [, sent = ""] = /→ ([\d,]+) of/.exec(await textOf(description)) ?? [];
    const tokens = Number(sent.replaceAll(",", ""));
    assert.ok(tokens > 0 && tokens <= 1536, `${tokens} tokens were sent`);
  });

  // The last one: the walkthrough takes the focus once more a while after it has opened.
  test("ticks the steps of the walkthrough that are taken, and no others", async () => {
    await reopenWith({});
    assert.deepEqual(await workbench.walkthroughSteps(), ["○ ask", "○ context", "○ complete", "○ budget", "○ model"]);
    await workbench.send(question);
    await workbench.finishedTurn(1);
    await treeRows(page, "Context")
      .filter({ hasText: /^find_alarms/ })
      .click();
    await page.locator('.tab.active[data-resource-name="alarm.py"]').waitFor();
    assert.deepEqual(await workbench.walkthroughSteps(), ["✓ ask", "✓ context", "○ complete", "○ budget", "○ model"]);
  });

  async function reopenWith(settings: EditorSettings): Promise<void> {
    await workbench.reload(settings);
    await workbench.newConversation();
  }
});

async function expectCursor(page: Page, file: string, line: string): Promise<void> {
  await page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
  await page.locator(".monaco-editor .line-numbers.active-line-number", { hasText: new RegExp(`^${line}$`) }).waitFor();
}
