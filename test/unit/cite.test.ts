import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { findCitations, type ResolveName, type ResolvePlace } from "../../extension/pipeline/cite.ts";
import { anyText } from "../support/randomUnits.ts";

const existing = new Set(["src/app.ts", "src/api/http client.ts", "Makefile", "lib/[id].tsx"]);
const resolve: ResolvePlace = (path, startLine, endLine) =>
  existing.has(path) && endLine <= 100 ? { path, startLine, endLine, name: "unit" } : null;
const resolveName: ResolveName = (name) =>
  name === "Router.handle" ? { path: "src/router.ts", startLine: 5, endLine: 9, name } : null;

function places(text: string): string[] {
  return findCitations(text, resolve, resolveName).map(
    ({ path, startLine, endLine, resolved }) => `${path}:${startLine}-${endLine}${resolved ? "" : "?"}`,
  );
}

describe("citations", () => {
  for (const [text, expected] of [
    ["See src/app.ts:10-24.", ["src/app.ts:10-24"]],
    ["See `src/app.ts:10`, and (src/app.ts:12–14).", ["src/app.ts:10-10", "src/app.ts:12-14"]],
    ["src/app.ts#L3-L7 and src/app.ts#L9 and src/app.ts:L1-L2", ["src/app.ts:3-7", "src/app.ts:9-9", "src/app.ts:1-2"]],
    ["src\\app.ts:3 and .\\src\\app.ts:4", ["src/app.ts:3-3", "src/app.ts:4-4"]],
    ["[src/app.ts:5-6](src/app.ts#L5-L6)", ["src/app.ts:5-6"]],
    ["**src/app.ts:5**: starts", ["src/app.ts:5-5"]],
    ["backwards src/app.ts:9-5", ["src/app.ts:9-9"]],
    ["beyond the end src/app.ts:900", ["src/app.ts:900-900?"]],
    ["made up `src/no.ts:1-2`", ["src/no.ts:1-2?"]],
    ["`src/app.ts` and `src/none.ts`", ["src/app.ts:0-0", "src/none.ts:0-0?"]],
    ["lib/[id].tsx:7", ["lib/[id].tsx:7-7"]],
    ["`Router.handle()`, `Router::handle` and `Unknown.name`", ["src/router.ts:5-9"]],
    ["src/app.ts without lines or marks", []],
    ["At 12:30, http://localhost:8080/x, ratio 3:4, note: 5, C:5", []],
    ["```ts\nsrc/app.ts:1\n```\nsrc/app.ts:2", ["src/app.ts:2-2"]],
    ["````\n```\nsrc/app.ts:1\n````\nsrc/app.ts:2", ["src/app.ts:2-2"]],
    ["```\nsrc/app.ts:1", []],
    ["", []],
  ] as const) {
    test(`${JSON.stringify(text)} cites ${expected.join(", ") || "nothing"}`, () => {
      assert.deepEqual(places(text), expected);
    });
  }

  test("carry the unit's name where the place is one, and come once each in order", () => {
    const found = findCitations("src/app.ts:1-2 `Router.handle` src/app.ts:1-2", resolve, resolveName);
    assert.deepEqual(found, [
      { path: "src/app.ts", startLine: 1, endLine: 2, name: "unit", resolved: true },
      { path: "src/router.ts", startLine: 5, endLine: 9, name: "Router.handle", resolved: true },
    ]);
  });

  test("a name that looks like code and is written nowhere was made up; other words in backticks are left alone", () => {
    const text = "`Router.handle`, `fs.readFile`, `invented_name`, `Made.up()`, `plain`, `true` and `readFile()`";
    const found = findCitations(text, resolve, resolveName, (name) => name.endsWith("readFile"));
    assert.deepEqual(
      found.filter(({ resolved }) => !resolved),
      [
        { path: "", startLine: 0, endLine: 0, name: "invented_name", resolved: false },
        { path: "", startLine: 0, endLine: 0, name: "Made.up", resolved: false },
      ],
    );
  });

  test("are bounded and found in any text", () => {
    const many = Array.from({ length: 500 }, (_, line) => `src/app.ts:${line + 1}`).join(" ");
    assert.equal(findCitations(many, resolve).length, 100);
    fc.assert(
      fc.property(anyText(300), (text) => {
        for (const { startLine, endLine } of findCitations(text, resolve)) assert.ok(endLine >= startLine);
      }),
    );
  });
});
