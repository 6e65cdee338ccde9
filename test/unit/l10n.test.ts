/** Every text that a person sees has a German one with the same placeholders, and none is left over. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { textsOf } from "../support/sourceTexts.ts";

const root = path.resolve(import.meta.dirname, "../..");
const bundle = readTexts("l10n/bundle.l10n.de.json");
const sources = ["extension", "webview"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => path.join(folder, name)),
);
/** Shows sentences that others made: its texts are theirs. */
const showsSentences = path.join("extension", "host", "sentenceText.ts");
const found = sources.map((file) => ({ file, ...textsOf(path.join(root, file)) }));
const texts = new Set(found.flatMap((source) => source.texts));

test("every t() and sentence() is given a text that can be looked up, and t() is called once the language is known", () => {
  const others = found.filter(({ file }) => file !== showsSentences);
  const problems = others.flatMap(({ file, problems }) => problems.map((problem) => `${file}: ${problem}`));
  assert.deepEqual(problems, []);
  assert.ok(texts.size > 50);
});

test("every text has a German one, and no German text is left over", () => {
  assert.deepEqual([...texts].filter((text) => !Object.hasOwn(bundle, text)).sort(), []);
  assert.deepEqual(
    Object.keys(bundle).filter((text) => !texts.has(text)),
    [],
  );
});

test("a German text has the placeholders, the line ends and the settings' names of the English one", () => {
  for (const [english, german] of Object.entries(bundle)) assertSameParts(english, german);
});

test("package.json names only texts that package.nls.json and package.nls.de.json have, and these have no others", () => {
  const manifest = readFileSync(path.join(root, "package.json"), "utf8");
  const keys = [...manifest.matchAll(/"%([\w.-]+)%"/g)].map(([, key = ""]) => key);
  const english = readTexts("package.nls.json");
  const german = readTexts("package.nls.de.json");
  assert.ok(keys.length > 50);
  assert.deepEqual(Object.keys(english).sort(), [...new Set(keys)].sort());
  assert.deepEqual(Object.keys(german), Object.keys(english));
  for (const [key, text] of Object.entries(english)) assertSameParts(text, german[key] ?? "");
});

test("package.json has no text of its own where a person would see it", () => {
  const told = /"(?:title|name|description|contents|markdownDescription|contextualTitle|altText)": "(?!%)([^"]*)"/g;
  const manifest = readFileSync(path.join(root, "package.json"), "utf8");
  const own = [...manifest.matchAll(told)].map(([, text = ""]) => text);
  assert.deepEqual(
    own.filter((text) => text !== "precis" && text !== "Precis"),
    [],
  );
});

/** What a translation must not change: placeholders, code, links' targets, icons. */
function assertSameParts(english: string, german: string): void {
  const parts = (text: string): string[] => (text.match(/\{\d+\}|`[^`]*`|\]\([^)]*\)|\$\([\w~-]+\)/g) ?? []).sort();
  assert.notEqual(german, "", english);
  assert.deepEqual(parts(german), parts(english), english);
}

function readTexts(file: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(path.join(root, file), "utf8")) as Record<string, string>;
}
