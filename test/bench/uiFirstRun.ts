/** A person's first minute: installs Precis, opens a folder of 100,000 lines, and asks. Nothing is downloaded. */
import type { Browser } from "playwright-core";
import { openAskView, openWorkbench } from "../editor/browser.ts";
import { CodeServer } from "../editor/codeServer.ts";

export interface FirstRunFigures {
  readonly lines: number;
  readonly files: number;
  /** Installing the .vsix, and starting the server of the editor. */
  readonly installMs: number;
  /** Opening the window, up to a question box that takes text. */
  readonly openMs: number;
  /** From the question to the end of its answer; what is left of the first index run is part of it. */
  readonly answerMs: number;
  readonly totalMs: number;
}

const filesInAll = 1000;
const linesPerFile = 100;

export async function measureFirstRun(browser: Browser, entry: string): Promise<FirstRunFigures> {
  const files = largeFolder();
  const started = performance.now();
  const server = await CodeServer.start({ entry, files, extension: "own" });
  try {
    const installed = performance.now();
    const page = await openWorkbench(browser, server);
    const ask = await openAskView(page);
    const opened = performance.now();
    const box = ask.getByRole("textbox", { name: "Question" });
    await box.fill("How is it decided which beds are watered?");
    await box.press("Enter");
    await ask.locator(".turn .figures").first().waitFor();
    const answered = performance.now();
    await page.context().close();
    return {
      lines: Object.values(files).reduce((sum, text) => sum + text.split("\n").length - 1, 0),
      files: Object.keys(files).length,
      installMs: installed - started,
      openMs: opened - installed,
      answerMs: answered - opened,
      totalMs: answered - started,
    };
  } finally {
    await server.close();
  }
}

/** Modules that call each other, with words of their own in names and comments: no two files are alike. */
export function largeFolder(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (let at = 0; at < filesInAll; at += 1) {
    files[`generated/part${at % 40}/module${at}.ts`] = moduleText(at);
  }
  return files;
}

function moduleText(at: number): string {
  const other = (at * 7 + 3) % filesInAll;
  const lines = [`import { ${nameOf(other, 0)} } from "../part${other % 40}/module${other}.ts";`, ""];
  for (let part = 0; lines.length < linesPerFile; part += 1) {
    lines.push(
      `/** Adds up what ${wordOf(at + part)} and ${wordOf(at * 3 + part)} need before ${wordOf(at * 5 + part)} begins. */`,
      `export function ${nameOf(at, part)}(values: readonly number[]): number {`,
      `  let ${wordOf(at)} = ${at + part};`,
      `  for (const value of values) {`,
      `    if (value > ${part * 10}) ${wordOf(at)} += ${nameOf(other, 0)}([value, ${at}]);`,
      `  }`,
      `  return ${wordOf(at)};`,
      `}`,
      "",
    );
  }
  return `${lines.slice(0, linesPerFile).join("\n")}\n`;
}

function nameOf(at: number, part: number): string {
  const word = wordOf(at * 11 + part);
  return `${wordOf(at + part * 13)}${word.charAt(0).toUpperCase()}${word.slice(1)}${at}`;
}

const words = (
  "pump valve moisture sensor gauge schedule season harvest soil seed leaf root frost shade lamp timer tank filter pipe " +
  "drain hose nozzle meter alarm report ledger invoice order parcel route truck driver store shelf label price basket"
).split(" ");

function wordOf(at: number): string {
  return words[at % words.length] ?? "";
}
