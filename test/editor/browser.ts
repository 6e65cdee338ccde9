import path from "node:path";
import { chromium } from "playwright-core";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { root } from "./codeServer.ts";

/** Where the tests put their pictures; `PRECIS_SCREENSHOTS` names another folder. */
export const pictures = path.resolve(root, process.env["PRECIS_SCREENSHOTS"] ?? "test-results");

/** A cold workbench on a busy machine needs its time; an assertion that holds is quick nevertheless. */
export const patienceMs = 60_000;

export async function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
    ],
  });
}

/** Opens a folder in a fresh window. */
export async function openWorkbench(
  browser: Browser,
  { url, workspace }: { url: string; workspace: string },
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(`${url}/?folder=${encodeURIComponent(workspace)}`, { waitUntil: "commit" });
  await page.locator(".activitybar").waitFor();
  return page;
}

/** Opens Precis in the activity bar unless it is open, and returns the Ask view's document. */
export async function openAskView(page: Page): Promise<FrameLocator> {
  const container = page.locator(".composite.title", { hasText: "Precis" });
  const item = page.locator('.activitybar .action-item a[aria-label^="Precis"]');
  await item.waitFor();
  // A window that was reloaded opens its container again, sooner or later; a click that comes just then closes it.
  await repeatUntil(
    () => container.isVisible(),
    () => item.click(),
  );
  const frame = askFrame(page);
  await frame.getByRole("textbox", { name: "Question" }).waitFor();
  return frame;
}

export function askFrame(page: Page): FrameLocator {
  return page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
}

/** The rows of one of the container's trees, by the view's name. */
export function treeRows(page: Page, view: string): Locator {
  return page.locator(`.pane:has(.pane-header[aria-label^="${view}"]) .monaco-list-row`);
}

export async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").trim();
}

/** Opens a row of a tree. A click that comes while the tree is drawn anew is lost, for people, too: they click again. */
export async function expand(row: Locator): Promise<void> {
  const opened = row.and(row.page().locator('[aria-expanded="true"]'));
  const twistie = row.locator(".monaco-tl-twistie");
  await repeatUntil(
    () => opened.isVisible(),
    () => twistie.click(),
  );
}

/** Does what a person does who sees that nothing has happened: after a while, the same again. */
export async function repeatUntil(isDone: () => Promise<boolean>, act: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    if (await isDone()) return;
    await act();
    const givenUp = AbortSignal.timeout(patienceMs / 10);
    while (!givenUp.aborted && !(await isDone())) {
      // There is no event for it: the pause only keeps the loop from spinning.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("nothing happens, however often it is tried");
}

export interface Theme {
  /** As the theme picker names it. */
  readonly label: string;
  /** The class that the workbench wears in it. */
  readonly workbenchClass: string;
}

export const themes: readonly Theme[] = [
  { label: "Light Modern", workbenchClass: "vs" },
  { label: "Dark High Contrast", workbenchClass: "hc-black" },
  { label: "Light High Contrast", workbenchClass: "hc-light" },
  { label: "Dark Modern", workbenchClass: "vs-dark" },
];

/** Switches the colour theme as a person would, and waits until the workbench wears it. */
export async function useTheme(page: Page, { label, workbenchClass }: Theme): Promise<void> {
  // By its keys, two of them, it does not open from everywhere: a page in the editor may take the first one.
  await startCommand(page, "Preferences: Color Theme");
  await page.locator(".quick-input-widget input[placeholder^='Select Color Theme']").fill(label);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: label }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(`.monaco-workbench.${workbenchClass}`).waitFor();
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
}

/** Runs a command by its name in the command palette, and waits until the palette is gone. */
export async function runCommand(page: Page, name: string): Promise<void> {
  await startCommand(page, name);
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
}

/** The same for a command that asks for something in the palette's place. */
export async function startCommand(page: Page, name: string): Promise<void> {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").first().fill(`>${name}`);
  // Commands whose names go on after this one's may stand above it.
  const label = new RegExp(`^${name}…?(,|$)`);
  await page.locator(".quick-input-list").getByRole("option", { name: label }).first().click();
}

/** Drags the sidebar's edge until it has that width, in pixels. */
export async function makeSidebar(page: Page, width: number): Promise<void> {
  const box = await page.locator(".part.sidebar").boundingBox();
  if (box === null) throw new Error("there is no sidebar");
  const y = box.y + 60;
  await page.mouse.move(box.x + box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + width, y, { steps: 5 });
  await page.mouse.up();
}
