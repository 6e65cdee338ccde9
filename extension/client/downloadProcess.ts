import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { homedir } from "node:os";
import { parseReport } from "../protocol/download.ts";
import type { DownloadJob, DownloadReport } from "../protocol/download.ts";
import type { EngineCommand } from "./engineProcess.ts";

/** The last lines of standard error that are shown of a process that ended without a word. */
const stderrTailLines = 6;

/** A running download. */
export interface DownloadProcess {
  /** Resolves, and never rejects, once the process is gone and all its reports were handed over. */
  readonly exited: Promise<void>;
  readonly pid: number;
  /** Ends it at once; what is whole of the file stays. */
  kill(): void;
}

/** Starts the process that downloads one file (extension/download/main.ts). Its last report is `done` or `failed`. */
export function startDownload(
  { command, args, env }: EngineCommand,
  job: DownloadJob,
  onReport: (report: DownloadReport) => void,
): DownloadProcess {
  // Not in the workspace, whose .npmrc could name a registry.
  const child = spawn(command, args, { env, cwd: homedir(), windowsHide: true });
  const stderrTail: string[] = [];
  let last: DownloadReport["type"] | null = null;
  const reports = createInterface({ input: child.stdout });
  reports.on("line", (line) => {
    const report = parseReport(line);
    if (report === null) return;
    last = report.type;
    onReport(report);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    stderrTail.push(line);
    if (stderrTail.length > stderrTailLines) stderrTail.shift();
  });
  const exited = new Promise<void>((resolve) => {
    const ended = (how: string): void => {
      if (last !== "done" && last !== "failed") {
        onReport({ type: "failed", code: "downloadBroken", detail: [how, ...stderrTail].join("\n") });
        last = "failed";
      }
      resolve();
    };
    child.once("error", (error) => {
      ended(error.message);
    });
    child.once("close", (code, signal) => {
      ended(signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`);
    });
  });
  // A process that is gone already fails the pipe; its exit is what gets reported.
  child.stdin.on("error", () => undefined);
  child.stdin.write(`${JSON.stringify(job)}\n`);
  return {
    exited,
    pid: child.pid ?? 0,
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}
