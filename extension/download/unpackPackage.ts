import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { extract } from "tar";

/** Unpacks an npm package's archive, whose files lie in `package/`, and puts it in the place of what is in `folder`. */
export async function unpackPackage(archive: string, folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  const beside = await mkdtemp(`${folder}-`);
  try {
    await extract({ file: archive, cwd: beside, strip: 1, strict: true });
    await rm(folder, { recursive: true, force: true });
    await rename(beside, folder);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}
