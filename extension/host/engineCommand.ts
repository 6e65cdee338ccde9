import { join } from "node:path";
import type { EngineCommand } from "../client/engineProcess.ts";
import { proxyEnvironment } from "../client/proxyEnvironment.ts";
import type { ProxySettings } from "../client/proxyEnvironment.ts";

/** How a download is started: with proxies as VS Code has them. */
export function downloadCommand(extensionFolder: string, proxy: ProxySettings): EngineCommand {
  const { command, env } = engineCommand(extensionFolder);
  return { command, args: [join(extensionFolder, "dist", "download.mjs")], env: proxyEnvironment(env, proxy) };
}

/** How the engine is started: with the Node that this process runs on, also where that is Electron. */
export function engineCommand(extensionFolder: string): EngineCommand {
  const env: NodeJS.ProcessEnv = { ...process.env, ELECTRON_RUN_AS_NODE: "1" };
  // Options meant for the extension host, such as a debugger's, must not reach the engine.
  delete env["NODE_OPTIONS"];
  return { command: process.execPath, args: [join(extensionFolder, "dist", "engine.mjs")], env };
}
