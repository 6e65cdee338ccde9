/** Entry of the process that downloads one file: the only one of Precis that opens a connection, when a person asks for it. */
import { createInterface } from "node:readline";
import { parseJob } from "../protocol/download.ts";
import type { DownloadReport } from "../protocol/download.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { download } from "./download.ts";

const exitCodes = { done: 0, failed: 1 } as const;

// The downloader starts work whose failures nobody waits for.
process.on("unhandledRejection", end);
process.on("uncaughtException", end);

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => {
  void run(line);
});
// Whoever started this process is gone, or wants no more of it.
lines.once("close", () => {
  process.exit(exitCodes.failed);
});

async function run(line: string): Promise<void> {
  try {
    await download(parseJob(line), (report) => {
      write(report);
    });
    exit(exitCodes.done);
  } catch (thrown) {
    end(thrown);
  }
}

function end(thrown: unknown): void {
  const { code, detail } = downloadFailure(thrown);
  write({ type: "failed", code, detail });
  exit(exitCodes.failed);
}

function write(report: DownloadReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Once everything is written: on some systems a pipe takes its time. */
function exit(code: number): void {
  process.stdout.write("", () => {
    process.exit(code);
  });
}

function downloadFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") return new Failure("downloadNoSpace", detail, { cause: thrown });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new Failure("downloadFolderUnwritable", detail, { cause: thrown });
  }
  const failure = toFailure(thrown);
  return failure.code === "internal" ? new Failure("downloadBroken", detail, { cause: thrown }) : failure;
}
