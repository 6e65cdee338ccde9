/** A file that holds secrets goes into no prompt, also while it is open, pinned, mentioned or being typed in. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EngineClient } from "../../extension/client/engineClient.ts";
import { pinReasons } from "../../extension/protocol/engine.ts";
import type { ContextParams } from "../../extension/protocol/engine.ts";
import { engineArguments } from "../support/engineClients.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";

const secret = "VALVE_PASSWORD=made-up-by-a-test";
const question = "What is the VALVE_PASSWORD, and how is a failed request tried again?";
const secretFiles = [".env", "config/prod.env", "deploy/id_ed25519", "credentials.txt"];

let folder = "";
let client: EngineClient;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-secrets-"));
  const repository = join(folder, "repository");
  await writeExampleRepository(repository);
  for (const file of secretFiles) {
    await mkdir(join(repository, file, ".."), { recursive: true });
    await writeFile(join(repository, file), `${secret}\n`);
  }
  client = new EngineClient({
    command: process.execPath,
    args: engineArguments,
    env: process.env,
    storageFolder: join(folder, "storage"),
    settings: () => ({ "engine.threads": 1 }),
  });
  await client.openWorkspace({ folder: repository, excludeGlobs: [] });
  await client.request("index", {});
});
after(async () => {
  await client.dispose();
  await rm(folder, { recursive: true, force: true });
});

for (const path of secretFiles) {
  test(`${path} is in no prompt while it is open in the editor`, async () => {
    await expectNoSecret({ question, openFile: path });
  });

  test(`${path} is in no prompt when it is pinned, mentioned or selected`, async () => {
    for (const why of pinReasons) {
      await expectNoSecret({ question, pinned: [{ path, startLine: 0, endLine: 0, why }] });
      await expectNoSecret({ question, pinned: [{ path, startLine: 1, endLine: 1, why }] });
    }
  });

  test(`${path} is not completed, nor found among the files to mention`, async () => {
    const text = { before: `${secret}\nOTHER=`, after: "\n", startLine: 1 };
    const completion = await client.request("complete", { path, language: "", ...text, trigger: "explicit" });
    assert.equal(completion.nothing, "secretFile");
    assert.deepEqual(completion.pieces, []);
    const mentions = await client.request("findMentions", { kind: "file", query: path, top: 100 });
    assert.ok(!mentions.places.some((place) => place.path === path));
    assert.equal(mentions.excluded?.reason, "secret");
  });
}

test("what is no secret is in the prompt when it is open or pinned", async () => {
  const place = { path: "src/clock.ts", startLine: 0, endLine: 0, why: "pinned" } as const;
  const { prompt } = await client.request("context", { question, openFile: "tools/cache.py", pinned: [place] });
  const shares = prompt.pieces.map(({ share, unit }) => `${share} ${unit?.path ?? ""}`);
  assert.ok(shares.includes("pinned src/clock.ts"), shares.join("\n"));
  assert.ok(shares.includes("openFile tools/cache.py"), shares.join("\n"));
});

async function expectNoSecret(params: ContextParams): Promise<void> {
  const { promptText } = await client.request("context", params);
  assert.ok(!promptText.includes(secret));
  assert.match(promptText, /withRetries/);
}
