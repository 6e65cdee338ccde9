import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { extractiveAnswer, extractiveParts } from "../../extension/pipeline/extract.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const omission = (language: string) => (language === "python" ? "#" : "//");

function ranked(...units: readonly Unit[]): RankedUnit[] {
  return units.map((unit, place) => ({
    unit,
    score: 9 - place,
    reasons: [sentence("mentions {0}", "retry"), sentence("file name matches `{0}`", "http")],
  }));
}

const send = makeUnit({
  path: "src/http.ts",
  name: "send",
  qualifiedName: "Client.send",
  startLine: 10,
  doc: "Sends a request.\nRetries twice.\n\nMore that is not shown.",
  text: "send() {\n  return retry();\n}",
});

describe("an answer without a model", () => {
  test("shows place, reasons, documentation and code", () => {
    const { text, citations } = extractiveAnswer({ question: "who retries?", ranked: ranked(send), omission });
    assert.equal(
      text,
      [
        "No model is chosen, so this is not a written answer: it is the place in the code that fits the question best.",
        "### 1. `Client.send`",
        "`src/http.ts:10-12` — mentions retry; file name matches `http`",
        "> Sends a request. Retries twice.",
        "```typescript\nsend() {\n  return retry();\n}\n```\n\n",
      ].join("\n\n"),
    );
    assert.deepEqual(citations, [
      { path: "src/http.ts", startLine: 10, endLine: 12, name: "Client.send", resolved: true },
    ]);
  });

  test("is written in the person's language, its code and names as they are", () => {
    const translations = {
      "The {0} places in the code that fit best, in order.": "Die {0} besten Stellen.",
      "mentions {0}": "erwähnt {0}",
    };
    const units = ranked(send, { ...send, id: "src/http.ts#9" });
    const { text } = extractiveAnswer({ question: "retry", ranked: units, omission, isSearch: true, translations });
    assert.match(text, /^Die 2 besten Stellen\.\n\n### 1\. `Client\.send`\n/);
    // What has no translation is English.
    assert.match(text, /`src\/http\.ts:10-12` — erwähnt retry; file name matches `http`\n/);
  });

  test("shows the beginning of long code and the lines around the question's words, with marks between", () => {
    const lines = Array.from({ length: 60 }, (_, line) => (line === 40 ? "  retry();" : `  step${line}();`));
    const unit = makeUnit({ path: "a.ts", name: "run", text: ["function run() {", ...lines, "}"].join("\n") });
    const { text } = extractiveAnswer({ question: "retry", ranked: ranked(unit), omission });
    assert.match(
      text,
      /step8\(\);\n {2}\/\/ \.\.\. lines 11-39\n {2}step38\(\);\n {2}step39\(\);\n {2}retry\(\);\n {2}step41\(\);\n {2}step42\(\);\n\} \/\/ \.\.\. lines 45-62\n```/,
    );
  });

  test("does not show documentation twice", () => {
    const python = makeUnit({
      path: "a.py",
      name: "retry",
      language: "python",
      doc: "Tries again.\n\nLater.",
      signature: "def retry(self):",
      text: '@late\ndef retry(self):\n    """Tries again.\n\n    Later.\n    """\n    return """1"""',
    });
    const commented = makeUnit({
      path: "b.ts",
      name: "retry",
      doc: "Tries again.",
      signature: "function retry()",
      text: "/** Tries again. */\nexport function retry() {\n  again();\n}",
    });
    const { text } = extractiveAnswer({ question: "retry", ranked: ranked(python, commented), omission });
    assert.match(text, /```python\n@late\ndef retry\(self\):\n {4}# \.\.\. lines 3-6\n {4}return """1"""\n```/);
    assert.match(text, /```typescript\n\/\/ \.\.\. line 1\nexport function retry\(\) \{\n {2}again\(\);\n\}\n```/);
  });

  test("shows five units and lists eight more", () => {
    const units = Array.from({ length: 20 }, (_, number) =>
      makeUnit({ path: `f${number}.ts`, name: `retry${number}`, text: "retry();" }),
    );
    const { text, citations } = extractiveAnswer({ question: "retry", ranked: ranked(...units), omission });
    assert.equal(text.match(/^### /gm)?.length, 5);
    assert.equal(text.match(/^- /gm)?.length, 8);
    assert.equal(citations.length, 13);
  });

  test("says so when nothing fits", () => {
    const unrelated = makeUnit({ path: "b.ts", name: "paint", text: "paint();" });
    const unreasoned = [{ unit: unrelated, score: 1, reasons: [sentence("among the {0} closest units", 3)] }];
    for (const entries of [[], unreasoned]) {
      const { text, citations } = extractiveAnswer({ question: "kubernetes?", ranked: entries, omission });
      assert.match(text, /^Nothing in the indexed code matches this question\./);
      assert.deepEqual(citations, []);
    }
  });

  test("keeps fences of the code from ending its own", () => {
    const unit = makeUnit({ path: "a.ts", name: "retry", text: "const retry = '```';", doc: "```js\nx\n```" });
    const { text } = extractiveAnswer({ question: "retry", ranked: ranked(unit), omission });
    assert.match(text, /\n````typescript\nconst retry = '```';\n````\n/);
    assert.match(text, /> '''js x '''\n/);
  });

  test("is the same in parts and as a whole", () => {
    const request = { question: "retry", ranked: ranked(send, { ...send, id: "src/http.ts#9" }), omission };
    assert.equal([...extractiveParts(request)].join(""), extractiveAnswer(request).text);
    assert.equal([...extractiveParts(request)].length, 3);
  });
});
