import assert from "node:assert/strict";
import { test } from "node:test";
import { presetChanges, presetInForce, presetNames, presets } from "../../extension/host/presets.ts";
import { defaultSettings, parseSettings } from "../../extension/protocol/settings.ts";
import type { Settings } from "../../extension/protocol/settings.ts";

/** What the settings are once a preset is applied to them. */
function applied(name: (typeof presetNames)[number], now: Settings): Settings {
  const changes = presetChanges(name, now).map(({ key, then }) => [key, then] as const);
  const { settings, problems } = parseSettings({ ...now, ...Object.fromEntries(changes) });
  assert.deepEqual(problems, [], name);
  return settings;
}

test("every value of a preset is one that the settings allow", () => {
  for (const name of presetNames) assert.equal(presetInForce(applied(name, defaultSettings)), name);
});

test("balanced is what Precis is delivered with", () => {
  assert.equal(presetInForce(defaultSettings), "balanced");
  assert.deepEqual(presetChanges("balanced", defaultSettings), []);
});

test("a preset takes the place of another one, and changes nothing else", () => {
  const own = { ...defaultSettings, "model.assistant": "/models/a.gguf", "budget.answerTokens": 777 };
  assert.equal(presetInForce(own), null);
  const eco = applied("eco", own);
  assert.equal(presetInForce(applied("max", eco)), "max");
  assert.deepEqual(applied("balanced", applied("max", eco)), {
    ...defaultSettings,
    "model.assistant": "/models/a.gguf",
  });
});

test("each change names the setting, its value now and then", () => {
  const change = presetChanges("eco", defaultSettings).find(({ key }) => key === "budget.contextTokens");
  assert.deepEqual(change, { key: "budget.contextTokens", now: 0, then: 2048 });
  const { eco, max } = presets;
  for (const key of ["budget.contextTokens", "budget.answerTokens", "kv.keepRatio", "complete.budgetTokens"] as const) {
    assert.ok(eco[key] < max[key], key);
  }
});
