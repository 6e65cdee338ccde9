/** The packaged extension, installed once for all editor tests: that takes longer than many of them. */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const vsixFile = path.join(root, "dist", `precis-${process.platform}-${process.arch}.vsix`);
const home = path.join(root, "test", "editor", ".host", "installed");

/** Installs a package into a folder of extensions, with the editor's own command. */
export type InstallExtension = (vsix: string, extensions: string) => Promise<void>;

/** The folder that the package is installed in; it is installed anew where it is another one than last time. */
export async function installedExtension(install: InstallExtension): Promise<string> {
  const { size, mtimeMs } = await stat(vsixFile);
  const stamp = JSON.stringify({ size, mtimeMs });
  const stampFile = path.join(home, "stamp.json");
  const extensions = path.join(home, "extensions");
  if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return extensions;
  await rm(home, { recursive: true, force: true });
  await mkdir(extensions, { recursive: true });
  await install(vsixFile, extensions);
  await writeFile(stampFile, stamp);
  return extensions;
}
