import { join } from "node:path";
import type { EngineCommand } from "../client/engineProcess.ts";

/** How the engine is started: with the Node that this process runs on, also where that is Electron. */
export function engineCommand(extensionFolder: string): EngineCommand {
  const env: NodeJS.ProcessEnv = { ...process.env, ELECTRON_RUN_AS_NODE: "1" };
  // Options meant for the extension host, such as a debugger's, must not reach the engine.
  delete env["NODE_OPTIONS"];
  return { command: process.execPath, args: [join(extensionFolder, "dist", "engine.mjs")], env };
}
