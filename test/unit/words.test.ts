import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stemWord, wordForms } from "../../extension/pipeline/stem.ts";
import { splitWords } from "../../extension/pipeline/words.ts";
import { anyText } from "../support/randomUnits.ts";

const cases: readonly (readonly [string, string])[] = [
  ["fileName", "file name filename"],
  ["HTTPServer", "http server httpserver"],
  ["parseURLFast", "parse url fast parseurlfast"],
  ["snake_case_name", "snake case name snakecasename"],
  ["MAX_RETRY_COUNT", "max retry count maxretrycount"],
  ["__init__", "init"],
  ["$scope", "scope"],
  ["kebab-case", "kebab case"],
  ["sha256", "sha 256 sha256"],
  ["v2Router", "v 2 router v2router"],
  ["Plain prose, with marks.", "plain prose with marks"],
  ["a.b.c", "a b c"],
  ["Größe ÜberCool naïve", "größe über cool übercool naïve"],
  ["e\u0301tat", "état"],
  ["ＦＵＬＬ", "full"],
  ["日本語", "日本 本語"],
  ["検", "検"],
  ["Привет МИР", "привет мир"],
  ["İstanbul", "i\u0307stanbul"],
  ["x".repeat(41), ""],
  ["", ""],
];

describe("words", () => {
  for (const [text, expected] of cases) {
    test(`${JSON.stringify(text)} splits into "${expected}"`, () => {
      assert.equal(splitWords(text).join(" "), expected);
    });
  }

  test("every word is lower case, short, and free of blanks and joiners, whatever the text", () => {
    fc.assert(
      fc.property(anyText(200), (text) => {
        for (const word of splitWords(text)) {
          assert.equal(word, word.toLowerCase());
          assert.ok(word.length > 0 && word.length <= 80, word);
          assert.doesNotMatch(word, /[\s_$.,:;()-]/);
        }
      }),
    );
  });

  test("texts beside each other do not influence each other", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.string({ maxLength: 60 }), (left, right) => {
        assert.deepEqual(splitWords(`${left} ${right}`), [...splitWords(left), ...splitWords(right)]);
      }),
    );
  });
});

describe("stems", () => {
  for (const forms of [
    ["retry", "retries", "retried", "retrying"],
    ["route", "router", "routing", "routes"],
    ["cache", "caches", "cached", "caching"],
    ["validate", "validation", "validator", "validating"],
    ["run", "running", "runner"],
    ["class", "classes"],
  ]) {
    test(`${forms.join(", ")} share a stem`, () => {
      assert.equal(new Set(forms.map(stemWord)).size, 1, forms.map(stemWord).join(" "));
    });
  }

  test("words of other alphabets and short words stay as they are", () => {
    assert.deepEqual(["größe", "日本", "io", "as", "sha256"].map(stemWord), ["größe", "日本", "io", "as", "sha256"]);
  });

  test("forms begin with the word itself, share its stem and include the forms people use", () => {
    for (const word of ["retrying", "running", "cache", "parser", "dependency"]) {
      const forms = wordForms(word);
      assert.equal(forms[0], word);
      for (const form of forms) assert.equal(stemWord(form), stemWord(word), form);
    }
    assert.ok(wordForms("retrying").includes("retries") && wordForms("retrying").includes("retried"));
    assert.ok(wordForms("running").includes("run"));
    assert.ok(wordForms("cache").includes("caching"));
  });
});
