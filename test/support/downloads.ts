import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Downloads } from "../../extension/client/downloads.ts";
import type { Download } from "../../extension/client/downloads.ts";
import { noProxySettings, proxyEnvironment } from "../../extension/client/proxyEnvironment.ts";
import type { ProxySettings } from "../../extension/client/proxyEnvironment.ts";
import type { DownloadJob } from "../../extension/protocol/download.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import type { FailureCode } from "../../extension/protocol/failure.ts";

const script = fileURLToPath(new URL("../../extension/download/main.ts", import.meta.url));

/** Downloads whose processes run from the sources; they end with the test. */
export function testDownloads(
  owner: { after(fn: () => Promise<void>): void },
  settings: Partial<ProxySettings> = {},
): Downloads {
  const downloads = new Downloads({
    command: () => ({
      command: process.execPath,
      args: ["--disable-warning=ExperimentalWarning", script],
      env: proxyEnvironment(process.env, { ...noProxySettings, ...settings }),
    }),
  });
  owner.after(() => downloads.dispose());
  return downloads;
}

/** Bytes that begin as a GGUF file does, and are different each time. */
export function fakeModel(megabytes: number): Buffer {
  const content = randomBytes(Math.round(megabytes * 1024 ** 2));
  content.write("GGUF", 0, "latin1");
  return content;
}

export function jobFor(uri: string, folder: string, more: Partial<DownloadJob> = {}): DownloadJob {
  return { uri, folder, kind: "model", checksum: null, role: null, stallMs: 20_000, ...more };
}

/** Resolves with the next state for which the condition holds, also when it holds already. */
export function stateWith(
  downloads: Downloads,
  id: number,
  condition: (state: Download["state"]) => boolean,
): Promise<Download["state"]> {
  return new Promise((resolve) => {
    const look = (download: Download | undefined): void => {
      if (download?.id !== id || !condition(download.state)) return;
      subscription.dispose();
      resolve(download.state);
    };
    const subscription = downloads.onChanged(look);
    look(downloads.all.find((download) => download.id === id));
  });
}

/** The file of a download that must succeed. */
export async function finishedFile(downloads: Downloads, job: DownloadJob): Promise<string> {
  const state = await downloads.settled(downloads.start(job, "a model").id);
  if (state.kind === "failed") throw state.failure;
  if (state.kind !== "done") throw new Error(`it is ${state.kind}`);
  return state.file;
}

/** The code and detail of a download that must fail. */
export async function failureOfDownload(
  downloads: Downloads,
  job: DownloadJob,
): Promise<{ readonly code: FailureCode; readonly detail: string }> {
  const state = await downloads.settled(downloads.start(job, "a model").id);
  if (state.kind === "failed" && state.failure instanceof Failure) return state.failure;
  throw new Error(`it is ${state.kind}`);
}
