/** How quickly the Ask view can be used, and how it keeps up with a long answer: its real page in a real browser. */
import type { Browser, Page } from "playwright-core";
import type { ViewState } from "../../extension/protocol/view.ts";
import { serveAskPages, stateOf, turnOf } from "../support/askPages.ts";

export interface WebviewFigures {
  /** From the script's arrival to a question box that takes text, with the conversation shown; each run. */
  readonly interactiveMs: readonly number[];
  /** Frames in which the answer grew, per second; the worst second of the answer. */
  readonly updatesPerSecondMin: number;
  readonly updatesPerSecondMean: number;
  /** What the page's main thread computed, whatever else the machine did: until it was interactive, and for each update. */
  readonly interactiveCpuMs: number;
  readonly updateCpuMs: number;
  readonly linesShown: number;
}

export const answerLines = 2000;
/** What the host posts at most: one message in 20 ms. */
const postEveryMs = 20;
const linesPerPost = 4;

export async function measureWebview(browser: Browser): Promise<WebviewFigures> {
  const pages = await serveAskPages();
  const interactiveMs: number[] = [];
  const interactiveCpuMs: number[] = [];
  try {
    for (let run = 0; run < 5; run += 1) {
      const page = await browser.newPage();
      const computedMs = await watchProcessor(page);
      await pages.load(page, stateOf(earlierTurns()));
      interactiveMs.push(await interactiveAfter(page));
      interactiveCpuMs.push(await computedMs());
      await page.close();
    }
    const page = await browser.newPage();
    await pages.load(page, stateOf([...earlierTurns(), growingTurn()]));
    await interactiveAfter(page);
    const computedMs = await watchProcessor(page);
    const seconds = await page.evaluate(streamAnswer, { posts: answerPosts(), postEveryMs });
    const streamCpuMs = await computedMs();
    const linesShown = await page.locator(".turn").last().locator(".answer").innerText();
    await page.close();
    const full = seconds.slice(0, -1);
    return {
      interactiveMs,
      updatesPerSecondMin: Math.min(...full),
      updatesPerSecondMean: full.reduce((sum, count) => sum + count, 0) / full.length,
      interactiveCpuMs: Math.min(...interactiveCpuMs),
      updateCpuMs: streamCpuMs / seconds.reduce((sum, count) => sum + count, 0),
      linesShown: linesShown.split("\n").filter((line) => line.trim() !== "").length,
    };
  } finally {
    await pages.close();
  }
}

function earlierTurns(): ViewState["turns"] {
  return Array.from({ length: 4 }, (_, at) => turnOf(`earlier-${at}`, { text: answerText().slice(0, 4000) }));
}

function growingTurn(): ViewState["turns"][number] {
  return turnOf("growing", { phase: "writing", text: "", citations: [], stopReason: null, figures: "" });
}

/** 2,000 lines as models write them: paragraphs with citations, lists, and blocks of code. */
function answerText(): string {
  const parts: string[] = [];
  for (let at = 0; parts.length < answerLines; at += 1) {
    parts.push(
      `## Step ${at}`,
      "",
      `\`planWatering\` in \`src/schedule/plan.ts:10-27\` looks at bed **${at}** first.`,
      "",
    );
    parts.push("- it reads the _moisture_ of the bed", "- it skips beds that were watered an hour ago", "", "```ts");
    for (let line = 0; line < 10; line += 1)
      parts.push(`  const litres${line} = valve.open(beds[${line}], { forMs: ${at * 10} });`);
    parts.push("```", "");
  }
  return `${parts.slice(0, answerLines).join("\n")}\n`;
}

function answerPosts(): {
  readonly type: "text";
  readonly askId: string;
  readonly at: number;
  readonly text: string;
}[] {
  const lines = answerText().match(/.*\n/g) ?? [];
  let at = 0;
  return Array.from({ length: Math.ceil(lines.length / linesPerPost) }, (_, post) => {
    const text = lines.slice(post * linesPerPost, (post + 1) * linesPerPost).join("");
    at += text.length;
    return { type: "text", askId: "growing", at: at - text.length, text };
  });
}

/** The milliseconds between the arrival of the script and the first frame that shows the conversation. */
async function interactiveAfter(page: Page): Promise<number> {
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  return page.evaluate(() => {
    const { shownMs } = globalThis as unknown as { shownMs: Promise<number> };
    const script = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("main.js"));
    const arrivedMs = (script as { readonly responseEnd?: number } | undefined)?.responseEnd ?? Number.NaN;
    return shownMs.then((ms) => ms - arrivedMs);
  });
}

/** Processor time of the page's main thread from here on, in tasks of every kind. Resolves to what reads it, in milliseconds. */
async function watchProcessor(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
  };
}

/** Runs in the page: posts an answer as the host does, and counts for each second the frames that show more of it. */
function streamAnswer({ posts, postEveryMs }: { posts: readonly unknown[]; postEveryMs: number }): Promise<number[]> {
  const view = globalThis as unknown as {
    document: { body: unknown };
    postMessage(message: unknown, origin: string): void;
    requestAnimationFrame(run: () => void): void;
    MutationObserver: new (changed: () => void) => { observe(node: unknown, what: object): void; disconnect(): void };
  };
  return new Promise((resolve) => {
    const seconds: number[] = [];
    let hasGrown = false;
    const observer = new view.MutationObserver(() => (hasGrown = true));
    observer.observe(view.document.body, { childList: true, subtree: true, characterData: true });
    const started = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      // A page that was busy gets what has come meanwhile at once, as from the host.
      const due = Math.min(posts.length, Math.floor((performance.now() - started) / postEveryMs));
      for (; next < due; next += 1) view.postMessage(posts[next], "*");
    }, postEveryMs);
    const frame = (): void => {
      const second = Math.floor((performance.now() - started) / 1000);
      while (seconds.length <= second) seconds.push(0);
      if (hasGrown) seconds[second] = (seconds[second] ?? 0) + 1;
      hasGrown = false;
      if (next < posts.length) {
        view.requestAnimationFrame(frame);
        return;
      }
      clearInterval(timer);
      observer.disconnect();
      resolve(seconds);
    };
    view.requestAnimationFrame(frame);
  });
}
