import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { defaultSettings, settingKeys } from "../../extension/protocol/settings.ts";
import { settingsText } from "../../tools/settingsTable.mjs";

const file = path.resolve(import.meta.dirname, "../../docs/settings.md");
const written = readFileSync(file, "utf8");

test("docs/settings.md is what `npm run docs` writes", () => {
  assert.equal(squeezed(written), squeezed(settingsText()));
});

test("docs/settings.md lists every setting with its default", () => {
  const rows = new Map(
    [...written.matchAll(/^\| `precis\.([\w.]+)`\s*\| (\S+)/gm)].map(([, key = "", value = ""]) => [key, value]),
  );
  assert.deepEqual([...rows.keys()].sort(), [...settingKeys].sort());
  for (const key of settingKeys) {
    const value = defaultSettings[key];
    const isEmpty = value === "" || (Array.isArray(value) && value.length === 0);
    assert.equal(rows.get(key), isEmpty ? "empty" : `\`${String(value)}\``, key);
  }
});

test("no text of the settings editor's own syntax is left in docs/settings.md", () => {
  assert.doesNotMatch(written, /#precis|command:|%precis|undefined/);
});

/** The formatter aligns the columns. */
function squeezed(text: string): string {
  return text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
}
