/** The Ask view for everyone: by axe-core, by keyboard alone, narrow, enlarged, and without motion. In a real workbench. */
import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";
import type { FrameLocator, Locator, Page } from "playwright-core";
import { askDocument, extentOf, focusedName, seriousViolations } from "./askDocument.ts";
import { endlessAnswers } from "./endlessAnswers.ts";
import { makeSidebar, openAskView, patienceMs, runCommand, themes, useTheme } from "./browser.ts";
import { useWorkbench } from "./workbench.ts";

/** Code without a model: quick, and with everything that an answer can have. */
const found = "/find How is it decided which beds are watered?";
/** What a sidebar may be made as narrow as. */
const narrowPx = 320;

describe("the Ask view is open to everyone", { timeout: 15 * patienceMs }, () => {
  const workbench = useWorkbench("access", async ({ folder }) => ({
    settings: { machine: await endlessAnswers(folder) },
  }));
  let page: Page;
  let ask: FrameLocator;

  before(() => {
    ({ page, ask } = workbench);
  });

  /** Whatever a test before left open. */
  beforeEach(async () => {
    await page.keyboard.press("Escape");
    await runCommand(page, "Precis: New Conversation");
    await ask.locator(".welcome:not([hidden])").waitFor();
  });

  test("a control without a name would be found", async () => {
    const frame = await askDocument(page);
    await frame.evaluate(`document.body.append(document.createElement("button"))`);
    assert.match((await seriousViolations(frame)).join("\n"), /^button-name/m);
    await frame.evaluate(`document.body.lastElementChild.remove()`);
  });

  for (const theme of themes.filter(({ label }) => label !== "Light High Contrast")) {
    test(`nothing serious is wrong in ${theme.label}, whatever the view shows`, async () => {
      await useTheme(page, theme);
      await expectAccessible("without a question");

      await question().fill("Where is #f");
      await ask.getByRole("option").first().waitFor();
      await expectAccessible("with suggestions");
      await question().press("Escape");

      await workbench.send("What keeps a valve from staying open?");
      await ask.locator(".status", { hasText: /Reading|Writing/ }).waitFor();
      await expectAccessible("while it answers");
      for (const pid of await workbench.server.enginePids()) process.kill(pid, "SIGKILL");
      await ask.locator(".turn .failure").waitFor();
      await expectAccessible("after a failure");

      await workbench.send(found);
      await ask.locator(".turn").last().locator(".figures").waitFor();
      await expectAccessible("with an answer");

      await showConversations();
      await expectAccessible("with the list of conversations");
      await page.keyboard.press("Escape");
      await ask.locator(".history").waitFor({ state: "hidden" });
    });
  }

  test("a question can be asked, and its citations opened, by keyboard alone", async () => {
    await runCommand(page, "Precis: Ask a Question");
    const frame = await askDocument(page);
    await waitForFocus("Question");
    await page.keyboard.type(found);
    await page.keyboard.press("Enter");
    await ask.locator(".turn .figures").waitFor();
    assert.equal(await focusedName(frame), "Question");
    const passed = await tabUntil(/plan\.ts/);
    for (const name of ["Edit the question", "Answer again"]) assert.ok(passed.includes(name), passed.join("\n"));
    await page.keyboard.press("Enter");
    await page.locator('.tab.active[data-resource-name="plan.ts"]').waitFor();
  });

  test("the list of conversations opens one, and closes, by keyboard alone", async () => {
    await showConversations();
    await page.keyboard.press("Escape");
    await ask.locator(".history").waitFor({ state: "hidden" });
    await waitForFocus("Question");
    await showConversations();
    await page.keyboard.press("Enter");
    await ask.locator(".turn").first().waitFor();
  });

  test("stops moving for those who do not want motion", async () => {
    const frame = await askDocument(page);
    const moving = (): Promise<number> => frame.evaluate<number>("document.getAnimations().length");
    // As while the model works and nobody knows for how long.
    await frame.evaluate(`document.querySelector(".bar").className = "bar active unknown"`);
    assert.ok((await moving()) > 0);
    await page.emulateMedia({ reducedMotion: "reduce" });
    assert.equal(await moving(), 0);
    await page.emulateMedia({ reducedMotion: null });
    await frame.evaluate(`document.querySelector(".bar").className = "bar"`);
  });

  test(`fits into ${narrowPx} pixels without scrolling sideways`, async () => {
    await workbench.send(found);
    await ask.locator(".turn").last().locator(".figures").waitFor();
    await makeSidebar(page, narrowPx);
    await expectFit(page);
    await showConversations();
    await expectFit(page);
  });

  test("fits when everything is twice as large", async () => {
    // What a zoom of 200 % leaves of a window of 1280 × 1000.
    const context = await workbench.browser.newContext({ viewport: { width: 640, height: 500 }, deviceScaleFactor: 2 });
    const large = await context.newPage();
    large.setDefaultTimeout(patienceMs);
    await large.goto(`${workbench.server.url}/?folder=${encodeURIComponent(workbench.server.workspace)}`, {
      waitUntil: "commit",
    });
    const view = await openAskView(large);
    const box = view.locator("#question");
    await box.fill(found);
    await box.press("Enter");
    await view.locator(".turn").last().locator(".figures").waitFor();
    await expectFit(large);
    const place = await box.boundingBox();
    assert.ok(place !== null && place.y + place.height <= 500, "the question box is out of sight");
    assert.deepEqual(await seriousViolations(await askDocument(large)), []);
    await context.close();
  });

  function question(): Locator {
    return ask.locator("#question");
  }

  async function expectAccessible(what: string): Promise<void> {
    assert.deepEqual(await seriousViolations(await askDocument(page)), [], what);
  }

  /** Until the first one has the focus: the workbench gives it to the view a while after the list is to be seen. */
  async function showConversations(): Promise<void> {
    await runCommand(page, "Precis: Show Conversations");
    await ask.locator(".history .conversation:focus").waitFor();
  }

  async function waitForFocus(name: string): Promise<void> {
    await (
      await askDocument(page)
    ).waitForFunction(`document.activeElement?.getAttribute("aria-label") === ${JSON.stringify(name)}`);
  }

  /** Goes back through the controls until one of that name has the focus; resolves to the names on the way. */
  async function tabUntil(name: RegExp): Promise<string[]> {
    const frame = await askDocument(page);
    const passed: string[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Shift+Tab");
      const focused = await focusedName(frame);
      passed.push(focused);
      if (name.test(focused)) return passed;
    }
    throw new Error(`no control of that name was reached: ${passed.join(", ")}`);
  }
});

async function expectFit(page: Page): Promise<void> {
  const { width, overflow } = await extentOf(await askDocument(page));
  assert.ok(width > 0 && width <= narrowPx, `the view is ${width} pixels wide`);
  assert.equal(overflow, 0);
}
