import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleWork } from "../../extension/engine/idleWork.ts";

const never = new AbortController().signal;

test("idle work runs until it is stopped, and stopping waits for its end", async () => {
  const told: boolean[] = [];
  const idle: IdleWork = new IdleWork(() => told.push(idle.isRunning));
  const steps: string[] = [];
  const work = endless(steps);
  idle.start(work.run);
  await work.begun;
  assert.equal(idle.isRunning, true);
  await idle.stop();
  assert.deepEqual([idle.isRunning, steps], [false, ["begun", "ended"]]);
  await idle.stop();
  assert.deepEqual(told, [true, false]);
});

test("new work begins after the old one has ended", async () => {
  const idle = new IdleWork();
  const steps: string[] = [];
  const first = endless(steps);
  idle.start(first.run);
  await first.begun;
  idle.start(() => {
    steps.push("second");
    return Promise.resolve();
  });
  await idle.ended(never);
  assert.deepEqual([idle.isRunning, steps], [false, ["begun", "ended", "second"]]);
});

test("work that is stopped before it begins never begins", async () => {
  const idle = new IdleWork();
  const steps: string[] = [];
  idle.start(endless(steps).run);
  await idle.stop();
  assert.deepEqual(steps, []);
});

test("whoever waits can give up; the work goes on", async () => {
  const idle = new IdleWork();
  const work = endless([]);
  idle.start(work.run);
  await work.begun;
  const abort = new AbortController();
  const waiting = idle.ended(abort.signal);
  abort.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal(idle.isRunning, true);
  await idle.stop();
});

function endless(steps: string[]): { begun: Promise<void>; run: (signal: AbortSignal) => Promise<void> } {
  const begun = Promise.withResolvers<undefined>();
  return {
    begun: begun.promise,
    run: async (signal) => {
      steps.push("begun");
      begun.resolve(undefined);
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      steps.push("ended");
    },
  };
}
