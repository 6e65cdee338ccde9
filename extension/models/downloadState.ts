/** What a download is at; a pure function from one state and what its process reports to the next. */
import type { CheckedAgainst, DownloadReport } from "../protocol/download.ts";
import { Failure } from "../protocol/failure.ts";

export type DownloadState =
  /** Its process runs; the server has not answered yet. */
  | { readonly kind: "starting" }
  | {
      readonly kind: "running";
      readonly bytesDone: number;
      /** 0: the server does not say. */
      readonly bytesTotal: number;
      /** 0 until it is known. */
      readonly bytesPerSecond: number;
      /** Where the speed is measured from. */
      readonly since: { readonly ms: number; readonly bytes: number };
    }
  | { readonly kind: "checking"; readonly bytesTotal: number }
  | { readonly kind: "paused"; readonly bytesDone: number; readonly bytesTotal: number }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "cancelled" }
  | {
      readonly kind: "done";
      readonly file: string;
      readonly sha256: string;
      readonly checkedAgainst: CheckedAgainst;
    };

/** The speed is that of about this time; a longer one hides that a connection became slow. */
const speedWindowMs = 5_000;

/** The state after a report that came at `nowMs` of any clock that only goes forward. */
export function afterReport(state: DownloadState, report: DownloadReport, nowMs: number): DownloadState {
  switch (report.type) {
    case "progress":
      return running(state, report.bytesDone, report.bytesTotal, nowMs);
    case "checking":
      return { kind: "checking", bytesTotal: report.bytesTotal };
    case "done":
      return { kind: "done", file: report.file, sha256: report.sha256, checkedAgainst: report.checkedAgainst };
    case "failed":
      return { kind: "failed", failure: new Failure(report.code, report.detail) };
  }
}

/** The state once a person has stopped it for now; nothing is lost but what was on its way. */
export function afterPause(state: DownloadState): DownloadState {
  if (state.kind === "running") return { kind: "paused", bytesDone: state.bytesDone, bytesTotal: state.bytesTotal };
  return state.kind === "starting" ? { kind: "paused", bytesDone: 0, bytesTotal: 0 } : state;
}

/** True while a process works on it. */
export function isActive({ kind }: DownloadState): boolean {
  return kind === "starting" || kind === "running" || kind === "checking";
}

/** Seconds that are left, or null where that is not known. */
export function secondsLeft(state: DownloadState): number | null {
  if (state.kind !== "running" || state.bytesTotal === 0 || state.bytesPerSecond === 0) return null;
  return (state.bytesTotal - state.bytesDone) / state.bytesPerSecond;
}

function running(before: DownloadState, bytesDone: number, bytesTotal: number, nowMs: number): DownloadState {
  const now = { ms: nowMs, bytes: bytesDone };
  if (before.kind !== "running" || bytesDone < before.bytesDone) {
    return { kind: "running", bytesDone, bytesTotal, bytesPerSecond: 0, since: now };
  }
  const { since } = before;
  const seconds = (nowMs - since.ms) / 1000;
  const bytesPerSecond = seconds > 0 ? (bytesDone - since.bytes) / seconds : before.bytesPerSecond;
  // Half of the window stays, so that the speed does not jump when it moves on.
  const next =
    nowMs - since.ms < speedWindowMs
      ? since
      : { ms: nowMs - speedWindowMs / 2, bytes: bytesDone - (bytesPerSecond * speedWindowMs) / 2000 };
  return { kind: "running", bytesDone, bytesTotal, bytesPerSecond, since: next };
}
