import { homedir } from "node:os";
import { join } from "node:path";

/** Where the terminal program keeps indexes and caches unless `--storage` says otherwise. */
export function defaultStorageFolder(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "precis");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "precis");
  const cache = env["XDG_CACHE_HOME"];
  // The XDG specification has relative paths ignored.
  return join(cache?.startsWith("/") === true ? cache : join(homedir(), ".cache"), "precis");
}
