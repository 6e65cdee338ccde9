/** One download from its first request to the file in its folder. Crash-only: killed anywhere, the next run goes on. */
import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ModelDownloader } from "node-llama-cpp";
import { isLaterPart, namesOfModel, safeModelName } from "../models/fileNames.ts";
import { partFileName, partsFolderName } from "../protocol/download.ts";
import type { CheckedAgainst, Checksum, DownloadJob, DownloadPart, DownloadReport } from "../protocol/download.ts";
import { Failure } from "../protocol/failure.ts";
import type { FailureCode } from "../protocol/failure.ts";
import { defaultLimits, GuardedFetch } from "./guardedFetch.ts";
import { lockPart } from "./partLock.ts";
import { packageAddress } from "./registry.ts";
import { unpackPackage } from "./unpackPackage.ts";
import { checkMagic, digestsOf } from "./verify.ts";

/** Left free on the disk beside what is downloaded. */
const spareBytes = 256 * 1024 ** 2;
/** Reports of progress come no more often. */
const reportMs = 200;

/** Downloads what the job asks for. Replaces the global `fetch`. Fails with the codes that begin with `download`. */
export async function download(job: DownloadJob, report: (report: DownloadReport) => void): Promise<void> {
  const guard = new GuardedFetch({ stallMs: job.stallMs, ...defaultLimits });
  globalThis.fetch = guard.fetch;
  const uri = job.kind === "package" ? await packageAddress(checkAddress(job.uri, ["npm:"])) : job.uri;
  if (job.kind === "model") checkAddress(uri, ["http:", "https:", "hf:"]);
  const unlessGivenUp = <T>(work: Promise<T>): Promise<T> =>
    Promise.race([work, guard.failed]).catch((error: unknown) => {
      throw error instanceof Failure ? error : (guard.lastFailure ?? error);
    });

  const parts = path.join(job.folder, partsFolderName);
  await makeFolder(parts);
  const found = await unlessGivenUp(openDownloader(uri, parts));
  const { fileName, bytesTotal, finished } = await checkTarget(job, found);

  // Content of another size or version goes elsewhere: a proxy's page must not be written over gigabytes.
  const identity = `${uri} ${bytesTotal} ${guard.version}`;
  const folder = path.join(parts, createHash("sha256").update(identity).digest("hex").slice(0, 16));
  await makeFolder(folder);
  const lock = lockPart(path.join(folder, "lock"));
  let isOver = false;
  try {
    await checkSpace(folder, bytesTotal);
    const part: DownloadPart = { job, fileName, bytesTotal };
    await writeFile(path.join(folder, partFileName), JSON.stringify(part));
    const downloader = await unlessGivenUp(openDownloader(uri, folder, throttled(fileName, report)));
    await unlessGivenUp(downloader.download());
    const files = downloader.filesInfo.map(({ filePath }) => filePath);
    report({ type: "checking", fileName, bytesTotal });
    const checked = await check(files, job, guard.serverSha256);
    if (job.kind === "package") await unpackPackage(files[0] ?? "", finished);
    else await moveAll(files, job.folder);
    report({ type: "done", file: finished, bytesTotal, ...checked });
    isOver = true;
  } catch (error) {
    // What is wrong would be found again the next time; everything else can go on.
    isOver = error instanceof Failure && wrongContent.has(error.code);
    throw error;
  } finally {
    lock.release();
    if (isOver) await rm(folder, { recursive: true, force: true });
  }
}

const wrongContent: ReadonlySet<FailureCode> = new Set(["downloadNotModel", "downloadWrongBytes"]);

function checkAddress(uri: string, protocols: readonly string[]): string {
  const isKnown = protocols.some((protocol) => uri.startsWith(protocol)) && URL.canParse(uri);
  const hasPassword = isKnown && (new URL(uri).username !== "" || new URL(uri).password !== "");
  if (!isKnown || hasPassword) throw new Failure("downloadAddressInvalid", hasPassword ? "it holds a password" : uri);
  return uri;
}

async function openDownloader(
  uri: string,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<ModelDownloader> {
  const { createModelDownloader } = await import("node-llama-cpp");
  return createModelDownloader({
    modelUri: uri,
    dirPath: folder,
    deleteTempFileOnCancel: false,
    skipExisting: true,
    onProgress: ({ downloadedSize, totalSize }) => onProgress?.(downloadedSize, totalSize),
  });
}

interface Target {
  readonly fileName: string;
  readonly bytesTotal: number;
  /** Absolute path of what there will be. */
  readonly finished: string;
}

/** Fails with downloadNameTaken where there is something of that name. */
async function checkTarget(job: DownloadJob, found: ModelDownloader): Promise<Target> {
  const bytesTotal = found.totalSize;
  if (job.kind === "package") {
    const name = /^npm:(.+)@/.exec(job.uri)?.[1] ?? "";
    return { fileName: name, bytesTotal, finished: path.join(job.folder, "node_modules", ...name.split("/")) };
  }
  const fileName = safeModelName(found.entrypointFilename);
  const finished = path.join(job.folder, fileName);
  for (const name of namesOfModel(fileName)) {
    const exists = await stat(path.join(job.folder, name)).catch(() => null);
    if (exists !== null) throw new Failure("downloadNameTaken", name);
  }
  return { fileName, bytesTotal, finished };
}

async function checkSpace(folder: string, bytesTotal: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map((name) => stat(path.join(folder, name))));
  // Blocks tell what a file with holes really takes; where there are none, its length has to do.
  const here = sizes.reduce((sum, { blocks, size }) => sum + (blocks > 0 ? Math.min(blocks * 512, size) : size), 0);
  const neededBytes = Math.max(0, bytesTotal - here) + spareBytes;
  if (neededBytes > bavail * bsize) {
    const gigabytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
    throw new Failure("downloadNoSpace", `${gigabytes(neededBytes)} are needed, ${gigabytes(bavail * bsize)} are free`);
  }
}

function throttled(fileName: string, report: (report: DownloadReport) => void): (done: number, total: number) => void {
  let reportedMs = Number.NEGATIVE_INFINITY;
  return (bytesDone, bytesTotal) => {
    const nowMs = performance.now();
    if (nowMs - reportedMs < reportMs) return;
    reportedMs = nowMs;
    report({ type: "progress", fileName, bytesDone, bytesTotal });
  };
}

interface Checked {
  readonly sha256: string;
  readonly checkedAgainst: CheckedAgainst;
}

/** Fails with downloadNotModel or downloadWrongBytes. */
async function check(files: readonly string[], job: DownloadJob, serverSha256: string | null): Promise<Checked> {
  if (job.kind === "model") for (const file of files) await checkMagic(file);
  const [file] = files;
  // The checksum of a split model would be that of one of its parts.
  if (file === undefined || files.length > 1) return { sha256: "", checkedAgainst: "nothing" };
  const server: Checksum | null = serverSha256 === null ? null : { algorithm: "sha256", hex: serverSha256 };
  const expected = job.checksum ?? server;
  const [sha256 = "", other = ""] = await digestsOf(file, ["sha256", expected?.algorithm ?? "sha256"]);
  if (expected === null) return { sha256, checkedAgainst: "nothing" };
  if (other !== expected.hex) {
    throw new Failure("downloadWrongBytes", `${expected.algorithm} ${other} instead of ${expected.hex}`);
  }
  return { sha256, checkedAgainst: job.checksum === null ? "server" : "published" };
}

/** The first part last: with it the model is there. */
async function moveAll(files: readonly string[], folder: string): Promise<void> {
  const named = files.map((file) => ({ file, name: safeModelName(path.basename(file)) }));
  for (const { file, name } of named.toSorted((a, b) => Number(isLaterPart(b.name)) - Number(isLaterPart(a.name)))) {
    await rename(file, path.join(folder, name));
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new Failure("downloadFolderUnwritable", error instanceof Error ? error.message : folder, { cause: error });
  }
}
