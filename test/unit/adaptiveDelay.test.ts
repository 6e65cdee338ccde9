import assert from "node:assert/strict";
import { test } from "node:test";
import { AdaptiveDelay } from "../../extension/host/adaptiveDelay.ts";

const range = { minMs: 75, maxMs: 600 };

test("before anything is measured it is the lower end", () => {
  assert.equal(new AdaptiveDelay().delayMs(range), 75);
});

test("it grows with what answers take, within the range", () => {
  const delay = new AdaptiveDelay();
  delay.answered(400);
  assert.equal(delay.delayMs(range), 200);
  for (let n = 0; n < 40; n += 1) delay.answered(10_000);
  assert.equal(delay.delayMs(range), 600);
  for (let n = 0; n < 40; n += 1) delay.answered(20);
  assert.equal(delay.delayMs(range), 75);
});

test("answers that are slow for once, such as the first, which loads the model, change nothing", () => {
  const delay = new AdaptiveDelay();
  for (const ms of [10_000, 200, 200, 5_000, 200]) delay.answered(ms);
  assert.equal(delay.delayMs(range), 100);
});

test("requests that were given up count when they had taken longer than answers do", () => {
  const delay = new AdaptiveDelay();
  delay.answered(400);
  for (let n = 0; n < 3; n += 1) delay.givenUp(50);
  assert.equal(delay.delayMs(range), 200);
  for (let n = 0; n < 3; n += 1) delay.givenUp(1_000);
  assert.equal(delay.delayMs(range), 500);
});

test("a range whose ends are swapped has its lower end only", () => {
  const delay = new AdaptiveDelay();
  delay.answered(10_000);
  assert.equal(delay.delayMs({ minMs: 300, maxMs: 100 }), 300);
});
