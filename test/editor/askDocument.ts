/** Looks into the Ask view's document, which lies in a frame within a frame. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Frame, Page } from "playwright-core";

/** The frame that holds the Ask view's page. */
export async function askDocument(page: Page): Promise<Frame> {
  for (const frame of page.frames()) {
    if ((await frame.locator("#question").count()) > 0) return frame;
  }
  throw new Error("the Ask view is not shown");
}

interface AxeRun {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe-core finds in the document that is serious or critical, one line each. */
export async function seriousViolations(frame: Frame): Promise<string[]> {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // The workbench paints the ground behind the page, where axe does not look.
  const ground = `document.documentElement.style.background = "var(--vscode-sideBar-background)"`;
  await frame.evaluate(`${ground}; ${axe}; undefined`);
  const { violations } = await frame.evaluate<AxeRun>(`axe.run(document, { resultTypes: ["violations"] })`);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = "" }) => `${id}: ${html} ${failureSummary}`));
}

export interface Extent {
  readonly width: number;
  /** How much of the document, and of parts that are meant to fit, lies to the right of what can be seen. */
  readonly overflow: number;
}

/** Blocks of code and tables may scroll by themselves; nothing else may. */
export async function extentOf(frame: Frame): Promise<Extent> {
  return frame.evaluate<Extent>(`(() => {
    const parts = [document.documentElement, ...document.querySelectorAll("body, main, .foot, .history, .turn")];
    const overflow = Math.max(...parts.map((part) => part.scrollWidth - part.clientWidth));
    return { width: document.documentElement.clientWidth, overflow };
  })()`);
}

/** What has the focus: its label or text. */
export async function focusedName(frame: Frame): Promise<string> {
  return frame.evaluate<string>(`(() => {
    const node = document.activeElement;
    return node?.getAttribute("aria-label") ?? node?.textContent?.trim() ?? "";
  })()`);
}
