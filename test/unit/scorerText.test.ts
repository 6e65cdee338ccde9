import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  codeWithoutDoc,
  questionWords,
  streamText,
  streamWords,
  unitPrefixWords,
} from "../../extension/pipeline/scorerText.ts";
import { makeUnit } from "../support/memoryUnits.ts";

describe("the scorers' word stream", () => {
  for (const [text, expected] of [
    ["HTTPServer.parseURL2 snake_case $x", "http server parse url 2 snake case x"],
    ["MAX_SIZE IOError i18n", "max size io error i 18 n"],
    [`${"a".repeat(24)} ${"b".repeat(25)}`, "a".repeat(24)],
    ["größe", "gr e"],
    ["", ""],
  ] as const) {
    test(`${JSON.stringify(text)} is "${expected}"`, () => {
      assert.equal(streamWords(text).join(" "), expected);
    });
  }

  test("has a blank before each word as text", () => {
    assert.equal(streamText(["how", "is"]), " how is");
    assert.equal(streamText([]), "");
  });

  test("of a unit is path and name, then documentation and code", () => {
    const unit = makeUnit({
      path: "deep/er/src/http/retryPolicy.ts",
      name: "send",
      qualifiedName: "Client.send",
      doc: "Sends it.",
      signature: "send(request: Request)",
      text: "/** Sends it. */\nasync send(request: Request) {\n  return 1;\n}",
    });
    assert.deepEqual(unitPrefixWords(unit), {
      head: ["er", "src", "http", "retry", "policy", "ts", "client", "send"],
      body: ["sends", "it", "send", "request", "request", "return", "1"],
    });
  });

  test("is bounded: 8 words of the path, 6 of the name, 40 of the documentation, 200 of all", () => {
    const unit = makeUnit({
      path: `${"aB".repeat(20)}.ts`,
      name: "x",
      qualifiedName: Array.from({ length: 9 }, (_, part) => `n${"abcdefghi".charAt(part)}`).join("."),
      doc: "doc ".repeat(300),
      text: "code ".repeat(300),
    });
    const { head, body } = unitPrefixWords(unit);
    assert.equal(head.length, 14);
    assert.deepEqual(head.slice(8), ["nd", "ne", "nf", "ng", "nh", "ni"]);
    assert.deepEqual([body.length, body.filter((word) => word === "doc").length], [200, 40]);
    assert.equal(questionWords("word ".repeat(500)).length, 64);
  });

  test("of a unit named after its file has no name", () => {
    const unit = makeUnit({ path: "src/a.ts", name: "a.ts", kind: "header", text: "import b" });
    assert.deepEqual(unitPrefixWords(unit), { head: ["src", "a", "ts"], body: ["import", "b"] });
  });

  test("does not repeat a Python docstring", () => {
    const unit = makeUnit({
      path: "a.py",
      name: "run",
      language: "python",
      doc: "Runs it.",
      signature: "def run(self, a: int = 1):",
      text: 'def run(self, a: int = 1):\n    """Runs it."""\n    return """x"""',
    });
    assert.equal(codeWithoutDoc(unit), 'def run(self, a: int = 1):\n    \n    return """x"""');
  });
});
