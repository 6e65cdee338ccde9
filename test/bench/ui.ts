/**
 * What the extension costs and how quickly it answers, in a real workbench:
 *   npm run bench:ui [-- --only sizes,host,webview,first]
 */
import { readdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { buildPackage } from "../../tools/package.mjs";
import { openBrowser } from "../editor/browser.ts";
import { buildSuite } from "../editor/buildSuite.ts";
import { CodeServer, root } from "../editor/codeServer.ts";
import { runInHost } from "../editor/hostRun.ts";
import { Report } from "./report.ts";
import { measureFirstRun } from "./uiFirstRun.ts";
import type { HostFigures } from "./uiHost.ts";
import { answerLines, measureWebview } from "./uiWebview.ts";

const sections = ["sizes", "host", "webview", "first"] as const;
const goals = { activationMs: 50, heapMB: 60, interactiveMs: 300, updatesPerSecond: 30, firstRunSeconds: 60 };
const hostRuns = 3;

const { values } = parseArgs({ options: { only: { type: "string", default: sections.join(",") } } });
const wanted = new Set(values.only.split(","));
const report = new Report((text) => process.stdout.write(text));
const figures: Record<string, unknown> = { load: os.loadavg()[0], cores: os.availableParallelism() };
report.line(`load of the machine ${(os.loadavg()[0] ?? 0).toFixed(1)} on ${os.availableParallelism()} cores`);

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const vsix = await buildPackage({ log });
const host = { root, node: process.execPath, log };
const { entry } = await ensureEditorHost(host);
if (wanted.has("sizes")) printSizes();
const browser = await openBrowser(await ensureBrowser(host));
try {
  if (wanted.has("host")) await measureHost(browser);
  if (wanted.has("webview")) await printWebview(browser);
  if (wanted.has("first")) await printFirstRun(browser);
} finally {
  await browser.close();
}
report.finish(figures);

function printSizes(): void {
  const bundles = ["extension.cjs", "engine.mjs", "parseWorker.mjs", "cli.mjs", "webview/main.js", "webview/main.css"];
  const sizes = new Map(bundles.map((name) => [`dist/${name}`, statSync(path.join(root, "dist", name)).size]));
  const fonts = readdirSync(path.join(root, "dist", "webview")).filter((name) => name.endsWith(".ttf"));
  for (const name of fonts) sizes.set(`dist/webview/${name}`, statSync(path.join(root, "dist", "webview", name)).size);
  sizes.set(path.relative(root, vsix), statSync(vsix).size);
  report.table(
    "sizes",
    ["file", "kB"],
    [...sizes].map(([name, bytes]) => [name, Math.round(bytes / 1000)]),
  );
  figures["bytes"] = Object.fromEntries(sizes);
}

/** With the extension and without it: the difference of the two heaps is what it takes. */
async function measureHost(browser: Browser): Promise<void> {
  const suite = await buildSuite(root, "test/bench/uiHost.ts");
  const measure = async (isBare: boolean): Promise<HostFigures[]> => {
    const server = await CodeServer.start({ entry, smokeTestDriver: true, extension: isBare ? "none" : "shared" });
    try {
      const found: HostFigures[] = [];
      for (let run = 0; run < hostRuns; run += 1) {
        const { lines } = await runInHost(server, { browser, suite });
        const line = lines.find((each) => each.startsWith("figures: "));
        if (line === undefined) throw new Error(`the extension host printed no figures:\n${lines.join("\n")}`);
        found.push(JSON.parse(line.slice("figures: ".length)) as HostFigures);
      }
      return found;
    } finally {
      await server.close();
    }
  };
  const own = await measure(false);
  const bare = await measure(true);
  const activationMs = own.flatMap((run) => (run.activationMs === null ? [] : [run.activationMs]));
  const heapOf = (runs: readonly HostFigures[]): number => median(runs.map(({ heapBytes }) => heapBytes)) / 1e6;
  const heapMB = heapOf(own) - heapOf(bare);
  report.table(
    "extension host",
    ["figure", "measured", "goal", "each run"],
    [
      ["activation, ms", median(activationMs), goals.activationMs, activationMs.map((ms) => ms.toFixed(1)).join(" ")],
      [
        "heap of Precis, MB",
        heapMB,
        goals.heapMB,
        `${heapOf(own).toFixed(1)} with, ${heapOf(bare).toFixed(1)} without`,
      ],
    ],
  );
  Object.assign(figures, { activationMs: median(activationMs), heapMB });
}

async function printWebview(browser: Browser): Promise<void> {
  const measured = await measureWebview(browser);
  const { updatesPerSecondMin, updatesPerSecondMean, interactiveCpuMs, updateCpuMs, linesShown } = measured;
  const interactiveMs = median(measured.interactiveMs);
  const runs = measured.interactiveMs.map((ms) => ms.toFixed(0)).join(" ");
  report.table(
    "Ask view",
    ["figure", "measured", "goal", "each run"],
    [
      ["interactive, ms", interactiveMs, goals.interactiveMs, runs],
      ["of it computed by the page, ms", interactiveCpuMs, null, null],
      [`updates/s in the worst second of ${answerLines} lines`, updatesPerSecondMin, goals.updatesPerSecond, null],
      ["updates/s on average", updatesPerSecondMean, null, null],
      ["computed by the page for each update, ms", updateCpuMs, null, null],
      ["lines shown", linesShown, null, null],
    ],
  );
  Object.assign(figures, { interactiveMs, interactiveCpuMs, updatesPerSecondMin, updatesPerSecondMean, updateCpuMs });
}

async function printFirstRun(browser: Browser): Promise<void> {
  const { lines, files, installMs, openMs, answerMs, totalMs } = await measureFirstRun(browser, entry);
  const seconds = (ms: number): number => ms / 1000;
  report.table(
    `first run: ${files} files, ${lines} lines`,
    ["step", "seconds", "goal"],
    [
      ["install, start the editor's server", seconds(installMs), null],
      ["open the window and the Ask view", seconds(openMs), null],
      ["first answer", seconds(answerMs), null],
      ["all of it", seconds(totalMs), goals.firstRunSeconds],
    ],
  );
  Object.assign(figures, { firstRunSeconds: seconds(totalMs), firstAnswerSeconds: seconds(answerMs) });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
