import assert from "node:assert/strict";
import test from "node:test";
import type { Download } from "../../extension/client/downloads.ts";
import { DownloadRows } from "../../extension/host/downloadRows.ts";

const job = { uri: "u", folder: "/f", kind: "model", checksum: null, role: null, stallMs: 1 } as const;
const running: Download["state"] = {
  kind: "running",
  bytesDone: 1,
  bytesTotal: 2,
  bytesPerSecond: 0,
  since: { ms: 0, bytes: 0 },
};

test("progress is drawn once a second, news at once", () => {
  const rows = new DownloadRows();
  const at = (nowMs: number, state: Download["state"]): boolean => rows.isDue({ id: 1, job, name: "x", state }, nowMs);
  assert.equal(at(0, { kind: "starting" }), true);
  assert.equal(at(10, running), true);
  assert.equal(at(200, running), false);
  assert.equal(at(1_010, running), true);
  assert.equal(at(1_020, { kind: "paused", bytesDone: 1, bytesTotal: 2 }), true);
  assert.equal(at(1_030, { kind: "cancelled" }), true);
  assert.equal(at(1_040, { kind: "starting" }), true);
});
