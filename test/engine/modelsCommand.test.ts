import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { fakeModel } from "../support/downloads.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startModelServer } from "../support/modelServer.ts";
import { runPrecis } from "../support/terminalProgram.ts";
import { writeTestModel } from "../support/testModels.ts";

test("a model is downloaded, listed and deleted in a terminal", async (t) => {
  const folder = await temporaryFolder(t);
  const content = fakeModel(2);
  const server = await startModelServer(content);
  t.after(() => server.close());
  const sha256 = createHash("sha256").update(content).digest("hex");
  const at = ["--folder", folder];
  const got = await runPrecis(["models", "download", `${server.url}/tiny.gguf`, "--sha256", sha256, ...at]);
  assert.equal(got.code, 0, got.stderr);
  assert.equal(got.stdout, `${path.join(folder, "tiny.gguf")}\nchecked: it is the file that was published\n`);
  assert.match(got.stderr, /precis ask --model/);
  assert.deepEqual(await readFile(path.join(folder, "tiny.gguf")), content);

  const again = await runPrecis(["models", "download", `${server.url}/tiny.gguf`, "--json", ...at]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /downloadNameTaken: .*already/);

  const listed = await runPrecis(["models", "list", "--role", "scorer", ...at]);
  assert.match(listed.stdout, /1 model in .*\n.*\n {2}tiny\.gguf {2}2\.0 MiB/);
  assert.match(listed.stdout, /qwen2\.5-coder-0\.5b .*about .* Apache-2\.0/);
  assert.doesNotMatch(listed.stdout, /gpt-oss/);

  const deleted = await runPrecis(["models", "delete", "tiny.gguf", ...at]);
  assert.equal(deleted.stdout, "Deleted tiny.gguf, 2.0 MiB.\n");
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith(".gguf")),
    [],
  );
  assert.equal((await runPrecis(["models", "delete", "tiny.gguf", ...at])).code, 1);
});

test("whether models fit is told with the device and why it is this one", async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, "model.gguf");
  await writeTestModel({ file });
  const args = ["--storage", folder, "--folder", folder, "--device", "cpu"];
  const text = await runPrecis(["models", "fit", ...args]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^Device cpu: .*\. The CPU was chosen in the settings\.\n/);
  assert.match(text.stdout, /\n {2}model\.gguf +fits in memory, needs [\d.]+ MiB\n/);
  assert.match(text.stdout, /\n {2}qwen2\.5-coder-0\.5b +(fits in memory|too large)/);
  const json = await runPrecis(["models", "fit", file, "--json", ...args]);
  const report = JSON.parse(json.stdout) as { readonly files: readonly { readonly fit: { readonly kind: string } }[] };
  assert.equal(report.files[0]?.fit.kind, "fits");
  const missing = await runPrecis(["models", "fit", path.join(folder, "none.gguf"), ...args]);
  assert.match(missing.stderr, /modelMissing/);
});

test("a name that is neither of the list nor an address is refused before anything is opened", async () => {
  const refused = await runPrecis(["models", "download", "no-such-model"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /downloadAddressInvalid: .*precis models list/);
});
