import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rankedText } from "../../extension/pipeline/followUp.ts";

const turns = (...questions: string[]) => questions.map((question) => ({ question, answer: "…" }));

describe("the text that a question is ranked by", () => {
  test("of a follow-up holds what it follows, back to a question that stands for itself", () => {
    const history = turns("how are sockets closed", "how does the retry policy decide", "and why?");
    assert.equal(
      rankedText("where is it tested", history),
      "where is it tested\nand why?\nhow does the retry policy decide",
    );
    assert.equal(rankedText("tests?", history.slice(0, 2)), "tests?\nhow does the retry policy decide");
  });

  test("of a question that names something of its own is the question", () => {
    const history = turns("how does the retry policy decide");
    for (const question of [
      "what does RetryPolicy do with it",
      "what is in src/http/client.ts",
      "how are failed requests logged",
    ]) {
      assert.equal(rankedText(question, history), question);
    }
  });

  test("without a conversation is the question, and never more than three turns longer", () => {
    assert.equal(rankedText("and it?", []), "and it?");
    assert.equal(rankedText("and it?", turns("1st?", "a?", "b?", "c?", "d?")).split("\n").length, 4);
  });
});
