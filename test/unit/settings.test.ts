import assert from "node:assert/strict";
import test from "node:test";
import { english } from "../../extension/protocol/sentence.ts";
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
  assert.deepEqual(problems.map(english), [
    "precis.budget.contextTokens: Too small: expected number to be >=0; the default 0 is used.",
    'precis.engine.device: Invalid option: expected one of "auto"|"cpu"|"cuda"|"vulkan"|"metal"; the default "auto" is used.',
  ]);
});

test("what is wrong with a value is said in the words of zod, and whatever is wrong is said", () => {
  const told = (key: string, value: unknown): string =>
    parseSettings({ [key]: value })
      .problems.map(english)
      .join();
  assert.match(
    told("kv.keepRatio", 2),
    /^precis\.kv\.keepRatio: Too big: expected number to be <=1; the default 0\.5 /,
  );
  assert.match(told("index.onOpen", "yes"), /: Invalid input: expected boolean, received string; the default true /);
  assert.match(told("index.ignoreGlobs", [7]), /: Invalid input: expected string, received number; the default \[\] /);
  assert.match(told("complete.maxLines", 1.5), /: Invalid input: expected int, received number; the default 12 /);
});
