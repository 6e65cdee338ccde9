/** Pictures of every view, for the README and the walkthrough: dark, light, in high contrast, and narrow. */
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import type { FrameLocator, Locator, Page } from "playwright-core";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import {
  makeSidebar,
  openAskView,
  openBrowser,
  openWorkbench,
  runCommand,
  startCommand,
  themes,
  treeRows,
  useTheme,
} from "./browser.ts";
import { CodeServer, root } from "./codeServer.ts";

const pictures = path.resolve(root, process.env["PRECIS_SCREENSHOTS"] ?? "docs/screenshots");
const walkthrough = path.resolve(
  root,
  process.env["PRECIS_SCREENSHOTS"] === undefined ? "media/walkthrough" : path.join(pictures, "walkthrough"),
);
/** Larger ones do not belong into a repository. */
const bytesMax = 150_000;
const names = new Map([
  ["Dark Modern", "dark"],
  ["Light Modern", "light"],
  ["Dark High Contrast", "high-contrast"],
]);
const question = "How is it decided which beds are watered?";
const windowSize = { width: 1000, height: 660 };
/** So that the trees have room. */
const tallSize = { width: 1000, height: 1000 };
const sidebarPx = 420;
const narrowPx = 320;

const tooLarge: string[] = [];

const host = { root, node: process.execPath, log: console.error };
await mkdir(pictures, { recursive: true });
await mkdir(walkthrough, { recursive: true });
const { entry } = await ensureEditorHost(host);
const server = await CodeServer.start({
  entry,
  settings: {
    user: {
      "editor.minimap.enabled": false,
      "editor.renderWhitespace": "none",
      "breadcrumbs.enabled": false,
      "workbench.editor.useModal": "off",
      "files.autoSave": "off",
    },
  },
});
try {
  const browser = await openBrowser(await ensureBrowser(host));
  try {
    const page = await openWorkbench(browser, server);
    await page.setViewportSize(windowSize);
    const ask = await openAskView(page);
    await makeSidebar(page, sidebarPx);
    await askQuestion(ask);
    await ask.locator(".turn .citations button, .turn ul button").first().click();
    await page.locator(".tab.active").waitFor();
    await ask.locator("h2.question").scrollIntoViewIfNeeded();
    for (const theme of themes) {
      const name = names.get(theme.label);
      if (name === undefined) continue;
      await useTheme(page, theme);
      await pictureAll(page, name);
    }
    await makeSidebar(page, narrowPx);
    await page.setViewportSize(tallSize);
    await openTrees(page, true);
    await picture(page.locator(".part.sidebar"), "narrow-320");
  } finally {
    await browser.close();
  }
} finally {
  await server.close();
}

if (tooLarge.length > 0) throw new Error(`larger than ${bytesMax} bytes: ${tooLarge.join(", ")}`);

async function pictureAll(page: Page, theme: string): Promise<void> {
  await openTrees(page, false);
  await picture(page, `ask-${theme}`);
  await page.setViewportSize(tallSize);
  await openTrees(page, true);
  await picture(page.locator(".part.sidebar"), `views-${theme}`);
  await forWalkthrough(pane(page, "Context"), `context-${theme}`);
  await page.setViewportSize(windowSize);
  await openTrees(page, false);
  await forWalkthrough(page.locator(".part.sidebar"), `ask-${theme}`);

  await startCommand(page, "Precis: Choose a Model");
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: "Assistant" }).first().waitFor();
  await page.keyboard.press("Enter");
  await rows
    .filter({ hasText: /fits|too large/ })
    .first()
    .waitFor();
  await picture(page, `models-${theme}`);
  await forWalkthrough(page.locator(".quick-input-widget"), `models-${theme}`);
  await page.keyboard.press("Escape");

  await runCommand(page, "Precis: Open Settings");
  await page.locator(".settings-editor .setting-item-title", { hasText: "Precis" }).first().waitFor();
  // In a remote window, as this one is, the budget and the models are set for the machine that the engine runs on.
  await page.locator(".settings-tabs-widget .action-label", { hasText: /^Remote/ }).click();
  await page.locator(".settings-editor .setting-item-contents", { hasText: "Context Tokens" }).first().waitFor();
  await page.locator(".settings-editor .settings-tree-container").hover();
  await page.mouse.wheel(0, -10_000);
  await picture(editorPart(page), `settings-${theme}`);
  await forWalkthrough(editorPart(page), `settings-${theme}`);
  await closeEditor(page);

  await runCommand(page, "Precis: Get Started");
  await page.locator(".gettingStartedContainer .step-title, .getting-started-step").first().waitFor();
  await picture(editorPart(page), `walkthrough-${theme}`);
  await closeEditor(page);

  await pictureSuggestion(page, theme);
}

/** What the model that comes with Precis suggests while a person types. */
async function pictureSuggestion(page: Page, theme: string): Promise<void> {
  await page.keyboard.press("Control+P");
  await page.locator(".quick-input-widget input").fill("plan.ts");
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "plan.ts" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator('.tab.active[data-resource-name="plan.ts"]').waitFor();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\n// Litres that one step gives.\nexport function litresOf(step: WateringStep");
  await page.keyboard.press("End");
  await page.keyboard.type(": number {\nreturn step.");
  await page.keyboard.press("Escape");
  // Asked for, a suggestion is shown also where the model is not sure.
  await runCommand(page, "Trigger Inline Suggestion");
  await page.locator(".ghost-text-decoration, .ghost-text").first().waitFor();
  await picture(editorPart(page), `completion-${theme}`);
  await forWalkthrough(editorPart(page), `complete-${theme}`);
  await page.keyboard.press("Escape");
  await runCommand(page, "File: Revert File");
}

async function askQuestion(ask: FrameLocator): Promise<void> {
  const box = ask.locator("#question");
  await box.fill(question);
  await box.press("Enter");
  await ask.locator(".turn .figures").first().waitFor();
}

/** Settings open above the other editors where the editor of the tests does not obey `useModal`. */
function editorPart(page: Page): Locator {
  return page.locator(".part.editor").last();
}

function pane(page: Page, view: string): Locator {
  return page.locator(`.pane:has(.pane-header[aria-label^="${view}"])`);
}

/** Unfolds the Context and Engine views below the Ask view, or folds them. */
async function openTrees(page: Page, isOpen: boolean): Promise<void> {
  for (const view of ["Context", "Engine"]) {
    const header = pane(page, view).locator(".pane-header");
    if (((await header.getAttribute("aria-expanded")) === "true") !== isOpen) await header.click();
    if (isOpen) await treeRows(page, view).first().waitFor();
  }
  // The pointer would leave a tooltip in the picture.
  await page.mouse.move(700, 2);
}

async function closeEditor(page: Page): Promise<void> {
  await runCommand(page, "View: Close All Editors");
}

async function forWalkthrough(part: Locator, name: string): Promise<void> {
  if (!name.endsWith("high-contrast")) await write(part, path.join(walkthrough, `${name}.png`));
}

async function picture(part: Page | Locator, name: string): Promise<void> {
  await write(part, path.join(pictures, `${name}.png`));
}

async function write(part: Page | Locator, file: string): Promise<void> {
  await part.screenshot({ path: file, animations: "disabled" });
  const { size } = await stat(file);
  console.log(`${path.relative(root, file)}: ${Math.round(size / 1000)} kB`);
  if (size > bytesMax) tooLarge.push(file);
}
