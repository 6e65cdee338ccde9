import assert from "node:assert/strict";
import test from "node:test";
import { afterPause, afterReport, isActive, secondsLeft } from "../../extension/models/downloadState.ts";
import type { DownloadState } from "../../extension/models/downloadState.ts";
import type { DownloadReport } from "../../extension/protocol/download.ts";

const progress = (bytesDone: number): DownloadReport => ({
  type: "progress",
  fileName: "a.gguf",
  bytesDone,
  bytesTotal: 1000,
});

/** A steady download of 10 bytes per second, reported once a second. */
function afterSeconds(seconds: number): DownloadState {
  let state: DownloadState = { kind: "starting" };
  for (let second = 0; second <= seconds; second += 1) {
    state = afterReport(state, progress(second * 10), second * 1000);
  }
  return state;
}

test("the speed is that of the last seconds, and the rest follows from it", () => {
  const steady = afterSeconds(20);
  assert.ok(steady.kind === "running");
  assert.ok(Math.abs(steady.bytesPerSecond - 10) < 0.01, String(steady.bytesPerSecond));
  assert.ok(Math.abs((secondsLeft(steady) ?? 0) - 80) < 0.1);
  let faster: DownloadState = steady;
  for (let second = 1; second <= 8; second += 1) {
    faster = afterReport(faster, progress(200 + 50 * second), 20_000 + second * 1000);
  }
  assert.ok(faster.kind === "running" && faster.bytesPerSecond > 40, JSON.stringify(faster));
});

test("nothing is said of the time that is left while it is not known", () => {
  assert.equal(secondsLeft({ kind: "starting" }), null);
  assert.equal(secondsLeft(afterSeconds(0)), null);
  const unknown = afterReport(afterSeconds(3), { ...progress(40), bytesTotal: 0 } as DownloadReport, 4000);
  assert.equal(secondsLeft(unknown), null);
});

test("what is there of a paused download is remembered, and speed begins anew", () => {
  const paused = afterPause(afterSeconds(5));
  assert.deepEqual(paused, { kind: "paused", bytesDone: 50, bytesTotal: 1000 });
  const resumed = afterReport(paused, progress(40), 60_000);
  assert.ok(resumed.kind === "running" && resumed.bytesPerSecond === 0);
});

test("only a process that works on it makes a download active", () => {
  const checking = afterReport(afterSeconds(1), { type: "checking", fileName: "a", bytesTotal: 1000 }, 2000);
  const failed = afterReport(checking, { type: "failed", code: "downloadStalled", detail: "x" }, 3000);
  assert.ok(isActive(afterSeconds(1)) && isActive(checking) && isActive({ kind: "starting" }));
  assert.ok(!isActive(failed) && !isActive(afterPause(afterSeconds(1))) && !isActive({ kind: "cancelled" }));
  assert.ok(failed.kind === "failed" && failed.failure.code === "downloadStalled");
});
