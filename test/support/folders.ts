import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A fresh folder that is deleted when the test (or whatever owns `after`) ends. */
export async function temporaryFolder(owner: { after(fn: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-"));
  owner.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
