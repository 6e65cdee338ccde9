import assert from "node:assert/strict";
import { test } from "node:test";
import { SuggestionCache, suggestionsMax } from "../../extension/host/suggestionCache.ts";
import type { CursorText } from "../../extension/host/suggestionCache.ts";
import { completionOf } from "../support/completions.ts";

const at: CursorText = { document: "a.ts", startLine: 1, before: "let total = ", after: "\nexport {};\n" };

test("what was suggested is found again, and the rest of it while it is typed or deleted again", () => {
  const cache = cacheWith("sum(beds);");
  assert.equal(cache.find(at)?.text, "sum(beds);");
  for (const typed of ["s", "sum(", "sum(beds)", "su"]) {
    const found = cache.find(typing(typed));
    assert.equal(found?.text, "sum(beds);".slice(typed.length));
    assert.equal(found.typed, typed.length);
    assert.equal(found.replaces, 0);
  }
});

test("it is not found once it is typed whole, nor when something else is typed", () => {
  const cache = cacheWith("sum(beds);");
  assert.equal(cache.find(typing("sum(beds);")), null);
  assert.equal(cache.find(typing("x")), null);
  assert.equal(cache.find(typing("sum(beds);x")), null);
});

test("it is not found in another document, at another line, or where something else follows", () => {
  const cache = cacheWith("sum(beds);");
  assert.equal(cache.find({ ...at, document: "b.ts" }), null);
  assert.equal(cache.find({ ...at, startLine: 65 }), null);
  assert.equal(cache.find({ ...at, after: "\nexport default 1;\n" }), null);
  assert.equal(cache.find({ ...at, after: `)${at.after}` }), null);
});

test("a bracket that the editor closed by itself is left out where the suggestion ends with it", () => {
  const cache = cacheWith("sum(beds)");
  const found = cache.find({ ...typing("sum("), after: `)${at.after}` });
  assert.deepEqual([found?.text, found?.replaces], ["beds", 0]);
});

test("a bracket that the editor closed by itself is replaced where the suggestion goes on behind it", () => {
  const cache = cacheWith("sum(beds);");
  const found = cache.find({ ...typing("sum("), after: `)${at.after}` });
  assert.deepEqual([found?.text, found?.replaces], ["beds);", 1]);
});

test("a closing line that the editor added by itself is not suggested a second time", () => {
  const cache = cacheWith("() => {\n  return 1;\n}");
  const found = cache.find({ ...typing("() => {\n  "), after: `\n}${at.after}` });
  assert.deepEqual([found?.text, found?.replaces], ["return 1;", 0]);
});

test("nothing is found where all that is left is what the editor added by itself", () => {
  const cache = cacheWith("sum()");
  assert.equal(cache.find({ ...typing("sum("), after: `)${at.after}` }), null);
});

test("nothing is found where brackets that the suggestion lacks would be deleted", () => {
  const cache = cacheWith("sum(beds);");
  assert.equal(cache.find({ ...typing("sum("), after: `]${at.after}` }), null);
});

test("of two suggestions that fit, the one made farther on is found; where it does not fit, the one before it", () => {
  const cache = cacheWith("sum(beds);");
  cache.add(typing("sum("), completionOf("valves);"));
  assert.equal(cache.find(typing("sum("))?.text, "valves);");
  assert.equal(cache.find(typing("sum(v"))?.text, "alves);");
  assert.equal(cache.find(typing("sum(b"))?.text, "eds);");
});

test(`the last ${suggestionsMax} suggestions are kept`, () => {
  const cache = new SuggestionCache();
  for (let n = 0; n < suggestionsMax + 10; n += 1) cache.add({ ...at, before: `let a${n} = ` }, completionOf("1;"));
  assert.equal(cache.size, suggestionsMax);
  assert.equal(cache.find({ ...at, before: "let a9 = " }), null);
  assert.equal(cache.find({ ...at, before: "let a10 = " })?.text, "1;");
  cache.clear();
  assert.equal(cache.size, 0);
});

function cacheWith(text: string): SuggestionCache {
  const cache = new SuggestionCache();
  cache.add(at, completionOf(text));
  return cache;
}

function typing(text: string): CursorText {
  return { ...at, before: at.before + text };
}
