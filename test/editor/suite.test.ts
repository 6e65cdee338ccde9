/** Runs the Mocha suite of test/editor/suite inside the extension host of a real workbench. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ensureBrowser, ensureEditorHost } from "../../tools/editorHost.mjs";
import { writeChainModel } from "../support/chainModel.ts";
import { editorChains } from "../support/chainScript.ts";
import { openBrowser, patienceMs } from "./browser.ts";
import { buildSuite } from "./buildSuite.ts";
import { CodeServer, root } from "./codeServer.ts";
import { runInHost } from "./hostRun.ts";

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
      const browser = await openBrowser(await ensureBrowser(host));
      try {
        const { code, lines } = await runInHost(server, { browser, suite });
        console.log(lines.join("\n"));
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
