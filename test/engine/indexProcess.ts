/** A process that updates an index and tells its progress, for tests that kill it or run beside it. */
import { readFileSync } from "node:fs";
import { WorkspaceIndex } from "../../extension/engine/index.ts";
import { toFailure } from "../../extension/protocol/failure.ts";

const [folder = "", storageFolder = "", busyWaitMs = "60000"] = process.argv.slice(2);
const root = new URL("../..", import.meta.url).pathname;

try {
  const index = await WorkspaceIndex.open({ storageFolder, folder, root });
  process.stdout.write("opened\n");
  // Starts when told to, so that two processes can be brought to the same point.
  readFileSync(0);
  const summary = await index.update({
    signal: new AbortController().signal,
    excludeGlobs: [],
    ignoreGlobs: [],
    maxFileBytes: 1 << 20,
    encoder: null,
    busyWaitMs: Number(busyWaitMs),
    onProgress: ({ phase, filesDone }) => process.stdout.write(`${phase} ${filesDone}\n`),
  });
  await index.close();
  process.stdout.write(`done ${summary.filesParsed} ${summary.files}\n`);
} catch (error) {
  process.stdout.write(`failed ${toFailure(error).code}\n`);
  process.exitCode = 1;
}
