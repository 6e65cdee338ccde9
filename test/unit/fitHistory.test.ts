import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { answerParts, partValuesOf } from "../../extension/pipeline/answerParts.ts";
import { fitHistory } from "../../extension/pipeline/history.ts";
import type { FittedHistory } from "../../extension/pipeline/history.ts";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import { questionStems } from "../../extension/pipeline/relevance.ts";
import type { ConversationTurn } from "../../extension/protocol/units.ts";
import { anyText } from "../support/randomUnits.ts";

/** Not additive, like real tokenizers. */
const counter: TokenCounter = {
  name: "four characters",
  count: (text) => Math.ceil(text.length / 4) + (/^\s/.test(text) ? 1 : 0),
};

const watering = {
  question: "How are beds chosen?",
  answer: [
    "The driest beds come first.",
    "Frost is not looked at. Beds are sorted in `src/plan.ts:10-24`.",
    "- Weekends make no difference.\n- A valve opens for ten minutes.",
    "```ts\nplan(beds);\n```",
  ].join("\n\n"),
};

function fit(history: readonly ConversationTurn[], budgetTokens: number, question = "Which valve?"): FittedHistory {
  return fitHistory({ history, question, counter, budgetTokens });
}

const randomTurn = fc.record({
  question: fc.oneof(anyText(40), fc.constantFrom("why?", "How are beds chosen?")),
  answer: fc.oneof(
    anyText(300),
    fc
      .array(fc.constantFrom("Beds are dry.", "See `src/plan.ts:1-2`.", "- a valve", "```", "x = 1;", ""), {
        maxLength: 12,
      })
      .map((lines) => lines.join("\n")),
  ),
});

describe("history", () => {
  test("never exceeds its share, keeps the order, and shows the newest turn at least as its question", () => {
    fc.assert(
      fc.property(
        fc.array(randomTurn, { maxLength: 5 }),
        fc.nat({ max: 400 }),
        fc.constantFrom("Which valve?", "why?", "beds", ""),
        (history, budgetTokens, question) => {
          const fitted = fit(history, budgetTokens, question);
          const { turns, leftOut } = fitted;
          assert.ok(turns.reduce((sum, { tokensSent }) => sum + tokensSent, 0) <= budgetTokens);
          assert.equal(turns.length + leftOut, history.length);
          for (const [at, { text, tokensSent, tokensRaw, fidelity }] of turns.entries()) {
            assert.equal(tokensSent, counter.count(text));
            assert.ok(fidelity === "full" ? tokensSent === tokensRaw : tokensSent < tokensRaw);
            // The turns shown are the last ones, each in its place.
            const whole = fit([history[leftOut + at] ?? { question: "", answer: "" }], 1e9, question).turns[0];
            assert.equal(tokensRaw, whole?.tokensSent);
            if (fidelity === "full") assert.equal(text, whole?.text);
          }
          const newest = history.at(-1);
          if (newest !== undefined) {
            // A long answer leaves the question alone, which is the least that is shown of a turn.
            const least = fit([{ ...newest, answer: `${newest.answer}${"x".repeat(2000)}` }], 300, "").turns[0];
            if (least?.fidelity === "signature" && least.tokensSent <= budgetTokens) assert.ok(turns.length > 0);
          }
          assert.deepEqual(fit(history, budgetTokens, question), fitted);
        },
      ),
    );
  });

  test("more room never shows fewer turns, and all of it shows all turns whole", () => {
    fc.assert(
      fc.property(fc.array(randomTurn, { maxLength: 4 }), fc.nat({ max: 300 }), (history, budgetTokens) => {
        assert.ok(fit(history, budgetTokens + 20).turns.length >= fit(history, budgetTokens).turns.length);
        assert.ok(fit(history, 1e9).turns.every(({ fidelity }) => fidelity === "full"));
      }),
    );
  });

  test("a long answer is pruned to its first sentence, its places, and what the question asks about", () => {
    const [turn] = fit([watering], 50).turns;
    assert.equal(turn?.fidelity, "pruned");
    assert.equal(
      turn.text,
      [
        "Question:",
        "> How are beds chosen?",
        "Answer, shortened:",
        "> The driest beds come first.",
        "> …",
        "> Beds are sorted in `src/plan.ts:10-24`.",
        "> …",
        "> - A valve opens for ten minutes.",
        "> …",
        "",
        "",
      ].join("\n"),
    );
  });

  test("where there is little room, questions stay without their answers, the newest answer comes back first", () => {
    const history = [watering, { question: "And then?", answer: "Then the valve opens. ".repeat(9) }];
    assert.deepEqual(
      [16, 60, 76, 200].map((tokens) => fit(history, tokens).turns.map(({ fidelity }) => fidelity)),
      [["signature"], ["signature", "pruned"], ["signature", "full"], ["full", "full"]],
    );
    assert.equal(fit(history, 16).leftOut, 1);
    assert.equal(fit(history, 16).turns[0]?.text, "Question, its answer is left out:\n> And then?\n\n");
  });
});

describe("the parts of an answer", () => {
  test("are sentences, list items and fenced blocks, and joined they are the answer", () => {
    assert.deepEqual(
      answerParts(watering.answer).map(({ text }) => text),
      [
        "The driest beds come first.",
        "Frost is not looked at.",
        "Beds are sorted in `src/plan.ts:10-24`.",
        "- Weekends make no difference.",
        "- A valve opens for ten minutes.",
        "```ts\nplan(beds);\n```",
      ],
    );
    fc.assert(
      fc.property(randomTurn, ({ answer }) => {
        const text = answer.trim();
        const parts = answerParts(text);
        assert.equal(parts.map((part) => part.before + part.text).join(""), text);
      }),
    );
  });

  test("are worth more for rare words of the question than for common ones", () => {
    const parts = ["first", "bed", "bed valve", "bed", "other"].map((text) => ({ text, before: "" }));
    const [values = []] = partValuesOf([parts], questionStems("bed valve"));
    const [, common = 0, rare = 0, , other = 1] = values;
    assert.ok(other === 0 && common > 0 && rare > 2 * common, JSON.stringify(values));
  });
});
