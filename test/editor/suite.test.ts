/** Runs the Mocha suite of test/editor/suite inside the extension host of a real workbench. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { format } from "node:util";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { writeChainModel } from "../support/chainModel.ts";
import { editorChains } from "../support/chainScript.ts";
import { openBrowser, patienceMs } from "./browser.ts";
import { buildSuite } from "./buildSuite.ts";
import { CodeServer, root } from "./codeServer.ts";

test(
  "the suite passes inside the extension host, with the packaged extension",
  { timeout: 10 * patienceMs },
  async () => {
    const host = { root, node: process.execPath, log: console.error };
    const { entry } = await ensureEditorHost(host);
    const suite = await buildSuite(root);
    const models = await mkdtemp(path.join(os.tmpdir(), "precis-models-"));
    const completer = path.join(models, "chain.gguf");
    await writeChainModel({ file: completer, chains: editorChains });
    const settings = { machine: { "precis.model.completer": completer } };
    const server = await CodeServer.start({ entry, settings, smokeTestDriver: true });
    try {
      const empty = await writeEmptyExtension(server.folder);
      const browser = await openBrowser(await ensureBrowser(host));
      try {
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
        // The log library of the server is not compiled here, which it reports at length and often.
        console.log(lines.filter((line) => !line.includes("spdlog")).join("\n"));
        assert.equal(code, 0);
      } finally {
        await browser.close();
      }
    } finally {
      await server.close();
      await rm(models, { recursive: true, force: true });
    }
  },
);

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
