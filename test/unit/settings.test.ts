import assert from "node:assert/strict";
import test from "node:test";
import { defaultSettings, parseSettings } from "../../extension/protocol/settings.ts";

test("no settings at all give the defaults without a problem", () => {
  assert.deepEqual(parseSettings({}), { settings: defaultSettings, problems: [] });
});

test("a valid value is taken over", () => {
  const { settings, problems } = parseSettings({ "budget.contextTokens": 2048, "engine.device": "cpu" });
  assert.equal(settings["budget.contextTokens"], 2048);
  assert.equal(settings["engine.device"], "cpu");
  assert.deepEqual(problems, []);
});

test("an invalid value is named and replaced by its default, the others stay", () => {
  const { settings, problems } = parseSettings({
    "budget.contextTokens": -5,
    "engine.device": "tpu",
    "index.ignoreGlobs": ["a/**"],
  });
  assert.equal(settings["budget.contextTokens"], defaultSettings["budget.contextTokens"]);
  assert.equal(settings["engine.device"], "auto");
  assert.deepEqual(settings["index.ignoreGlobs"], ["a/**"]);
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? "", /precis\.budget\.contextTokens/);
  assert.match(problems[1] ?? "", /precis\.engine\.device/);
});
