/** Runs a bundle of tests or measurements inside the extension host of a real workbench. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { format } from "node:util";
import type { Browser } from "playwright-core";
import type { CodeServer } from "./codeServer.ts";

export interface HostRun {
  /** 0 where the bundle's `run` resolved. */
  readonly code: number;
  /** What it wrote to the console. */
  readonly lines: readonly string[];
}

/** Opens the server's workspace in a window whose extension host runs `suite`. The server needs the smoke test driver. */
export async function runInHost(
  server: CodeServer,
  { browser, suite }: { browser: Browser; suite: string },
): Promise<HostRun> {
  const empty = await writeEmptyExtension(server.folder);
  const page = await browser.newPage();
  const ended = Promise.withResolvers<number>();
  const lines: string[] = [];
  await page.exposeFunction("codeAutomationExit", (code: number) => {
    ended.resolve(code);
  });
  await page.exposeFunction("codeAutomationLog", (_level: string, entries: readonly unknown[]) => {
    lines.push(format(...entries));
  });
  await page.goto(address(server, { empty, suite }), { waitUntil: "commit" });
  const code = await ended.promise;
  await page.close();
  // The log library of the server is not compiled here, which it reports at length and often.
  return { code, lines: lines.filter((line) => !line.includes("spdlog")) };
}

/** What is tested is the installed extension, so the one "under development" is empty. */
async function writeEmptyExtension(folder: string): Promise<string> {
  const empty = path.join(folder, "empty");
  await mkdir(empty, { recursive: true });
  const manifest = { name: "empty", publisher: "precis", version: "0.0.0", engines: { vscode: "*" } };
  await writeFile(path.join(empty, "package.json"), JSON.stringify(manifest));
  return empty;
}

function address(server: CodeServer, { empty, suite }: { empty: string; suite: string }): string {
  const remote = (file: string): string => `vscode-remote://${new URL(server.url).host}${file}`;
  const payload = [
    ["extensionDevelopmentPath", remote(empty)],
    ["extensionTestsPath", remote(suite)],
    ["skipWelcome", "true"],
  ];
  const query = new URLSearchParams({ folder: server.workspace, payload: JSON.stringify(payload) });
  return `${server.url}/?${query.toString()}`;
}
