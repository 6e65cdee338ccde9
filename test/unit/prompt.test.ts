import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compressorNames, compressors } from "../../extension/pipeline/compress.ts";
import type { PinnedCode } from "../../extension/pipeline/pinnedCode.ts";
import type { ChatFormat, TokenCounter } from "../../extension/pipeline/ports.ts";
import { buildPrompt, type PromptOptions, promptText, systemPrompt } from "../../extension/pipeline/prompt.ts";
import { Failure, type FailureCode } from "../../extension/protocol/failure.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import type { Prompt, RankedUnit, Share, Unit } from "../../extension/protocol/units.ts";
import { shares } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";
import { randomRanking, readRendered } from "../support/randomUnits.ts";

const counter: TokenCounter = { name: "four characters", count: (text) => Math.ceil(text.length / 4) };
const chat: ChatFormat = {
  name: "test",
  wrap: () => ({ beforeSystem: "<s>", between: "</s><u>", after: "</u><a>" }),
  stopStrings: [],
};
const omission = (language: string) => (language === "python" ? "#" : "//");

function options(over: Partial<PromptOptions> = {}): PromptOptions {
  return {
    question: "How are requests retried?",
    ranked: [],
    compressor: compressors.knapsack,
    counter,
    chat,
    budgetTokens: 2048,
    answerReserveTokens: 512,
    shares: { openFile: 0.2, history: 0.25 },
    omission,
    ...over,
  };
}

/** About the question, and in other words than the other units. */
function unitOf(name: string, characters: number) {
  const words = `${name}x${name}y${name}z `.repeat(characters).slice(0, characters);
  return makeUnit({ path: `src/${name}.ts`, name, text: `retry("${words}");` });
}

function rank(...names: readonly (readonly [string, number])[]): RankedUnit[] {
  return names.map(([name, characters], place) => ({
    unit: unitOf(name, characters),
    score: 9 - place,
    reasons: [sentence("r")],
  }));
}

function tokensOf(prompt: Prompt, share: Share): number {
  return prompt.pieces.reduce((sum, piece) => sum + (piece.share === share ? piece.tokensSent : 0), 0);
}

function pins(...units: readonly Unit[]): PinnedCode {
  return { units: units.map((unit) => ({ unit, why: "pinned" })), missing: [] };
}

function fails(over: Partial<PromptOptions>, code: FailureCode): void {
  assert.throws(
    () => buildPrompt(options(over)),
    (error) => error instanceof Failure && error.code === code,
  );
}

describe("a prompt", () => {
  test("never exceeds its budget, adds up exactly, keeps shares in order and lines true to their files", () => {
    const turns = fc.array(
      fc.record({ question: fc.string({ maxLength: 40 }), answer: fc.string({ maxLength: 300 }) }),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(
        randomRanking,
        turns,
        fc.nat({ max: 3000 }),
        fc.nat({ max: 600 }),
        fc.constantFrom(...compressorNames),
        fc.boolean(),
        fc.tuple(fc.nat(), fc.nat()),
        ({ files, ranked }, history, budgetTokens, answerReserveTokens, name, withOpen, [pinnedCount, outEvery]) => {
          const all = files.flatMap((file) => file.units);
          const pinned = all.slice(0, pinnedCount % (all.length + 1));
          const out = new Set(all.filter((_, at) => at % ((outEvery % 5) + 1) === 0).map(({ id }) => id));
          const built = options({
            ranked,
            history,
            budgetTokens,
            answerReserveTokens,
            compressor: compressors[name],
            openFileUnits: withOpen ? (files[0]?.units ?? []) : [],
            related: all.slice(-2),
            pinned: pins(...pinned),
            isTakenOut: ({ id }) => out.has(id),
          });
          let prompt: Prompt;
          try {
            prompt = buildPrompt(built);
          } catch (error) {
            assert.ok(
              error instanceof Failure && ["budgetTooSmall", "questionTooLong"].includes(error.code),
              String(error),
            );
            return;
          }
          assert.ok(prompt.tokensSent <= budgetTokens - answerReserveTokens);
          assert.equal(
            prompt.tokensSent,
            prompt.pieces.reduce((sum, piece) => sum + counter.count(piece.text), 0),
          );
          const parts = [...prompt.pieces, ...prompt.dropped];
          assert.equal(
            prompt.tokensRaw,
            parts.reduce((sum, part) => sum + part.tokensRaw, 0),
          );
          assert.equal(promptText(prompt), prompt.pieces.map((piece) => piece.text).join(""));
          assert.deepEqual(buildPrompt(built), prompt);

          const order = prompt.pieces.map((piece) => piece.share).filter((share) => share !== "template");
          assert.deepEqual(
            order,
            order.toSorted((a, b) => shares.indexOf(a) - shares.indexOf(b)),
          );
          const seen = new Set<string>();
          for (const piece of prompt.pieces) {
            if (piece.unit === undefined) continue;
            const read = readRendered(piece.text);
            const lines = files.find((file) => file.path === read.path)?.lines ?? [];
            for (const { number, text } of read.lines) {
              assert.equal(text, lines[number - 1]);
              assert.ok(!seen.has(`${read.path}:${number}`));
              seen.add(`${read.path}:${number}`);
            }
          }
          const shown = new Set(prompt.pieces.flatMap((piece) => piece.unit?.id ?? []));
          for (const { unit } of prompt.dropped) assert.ok(!shown.has(unit.id));
          const pinnedIds = new Set(pinned.map(({ id }) => id));
          for (const id of shown) assert.ok(pinnedIds.has(id) || !out.has(id), `${id} was taken out`);
          const told = new Set([...shown, ...prompt.dropped.map(({ unit }) => unit.id)]);
          for (const id of pinnedIds) assert.ok(told.has(id), `nobody is told of the pinned ${id}`);
        },
      ),
    );
  });

  test("keeps to every budget when small units fill each share to the last token", () => {
    const ranked = rank(...Array.from({ length: 40 }, (_, number) => [`u${number}`, number % 7] as const));
    const history = Array.from({ length: 9 }, (_, turn) => ({ question: `q${turn}`, answer: "a".repeat(turn) }));
    const openFileUnits = Array.from({ length: 9 }, (_, number) => unitOf(`open${number}`, number));
    for (let budgetTokens = 220; budgetTokens < 800; budgetTokens += 1) {
      const prompt = buildPrompt(
        options({
          ranked,
          history,
          openFileUnits,
          budgetTokens,
          answerReserveTokens: 0,
          pinned: pins(unitOf("pin", 3)),
        }),
      );
      assert.ok(prompt.tokensSent <= budgetTokens, `${prompt.tokensSent} of ${budgetTokens}`);
    }
  });

  test("is the chat format around system prompt, code and question", () => {
    const text = promptText(buildPrompt(options({ ranked: rank(["a", 10]) })));
    assert.ok(text.startsWith(`<s>${systemPrompt}</s><u># Code of the repository\n\n### src/a.ts:1-1\n`), text);
    assert.ok(text.endsWith("# Question\n\nHow are requests retried?\n</u><a>"), text);
  });

  test("keeps the system prompt under 300 tokens even at three characters per token", () => {
    assert.ok(systemPrompt.length / 3 < 300, String(systemPrompt.length));
  });

  test("without history spends nothing on its heading, and says where nothing matches", () => {
    const unit = makeUnit({ path: "src/other.ts", name: "other", text: "const other = 1;" });
    const ranked = [{ unit, score: 1, reasons: [sentence("among the {0} closest units", 3)] }];
    for (const given of [[], ranked]) {
      const prompt = buildPrompt(options({ ranked: given }));
      assert.deepEqual(
        prompt.pieces.map((piece) => piece.share),
        ["template", "system", "template", "retrieved", "question", "template"],
      );
      assert.match(
        promptText(prompt),
        /# Code of the repository\n\nNothing in the indexed code matches this question\.\n\n/,
      );
      assert.deepEqual(
        prompt.dropped.map(({ why }) => english(why)),
        given.map(() => "has nothing of the question"),
      );
    }
  });

  test("gives the open file a fifth, and what it leaves to the ranked units", () => {
    const openFileUnits = [unitOf("open1", 600), unitOf("open2", 2000)];
    const prompt = buildPrompt(options({ openFileUnits, ranked: rank(["a", 1000], ["b", 1000], ["c", 1000]) }));
    const rest = 1536 - tokensOf(prompt, "system") - tokensOf(prompt, "template") - tokensOf(prompt, "question");
    assert.ok(tokensOf(prompt, "openFile") > 0 && tokensOf(prompt, "openFile") <= rest * 0.2);
    assert.ok(tokensOf(prompt, "retrieved") > rest * 0.55);
    assert.equal(prompt.dropped[0]?.unit.name, "open2");
  });

  test("gives history a quarter while there is code, and all that is left when there is none", () => {
    const history = Array.from({ length: 12 }, (_, turn) => ({ question: `q${turn}`, answer: "x".repeat(400) }));
    const full = rank(...Array.from({ length: 20 }, (_, number) => [`u${number}`, 300] as const));
    const crowded = buildPrompt(options({ history, ranked: full }));
    const alone = buildPrompt(options({ history }));
    assert.ok(tokensOf(crowded, "history") > 0 && tokensOf(crowded, "history") <= 1536 / 4);
    assert.ok(tokensOf(alone, "history") > 1000);
    const texts = crowded.pieces.filter((piece) => piece.share === "history").map((piece) => piece.text);
    assert.match(texts.at(-1) ?? "", /q11/);
  });

  test("puts pinned units first, whatever their rank, and never twice", () => {
    const ranked = rank(["a", 50], ["b", 50]);
    const openFileUnits = [unitOf("b", 50)];
    const prompt = buildPrompt(options({ ranked, pinned: pins(...openFileUnits), openFileUnits }));
    const placed = prompt.pieces.flatMap((piece) => (piece.unit === undefined ? [] : [[piece.share, piece.unit.name]]));
    assert.deepEqual(placed, [
      ["pinned", "b"],
      ["retrieved", "a"],
    ]);
    const pin = prompt.pieces.find((piece) => piece.share === "pinned" && piece.unit);
    assert.deepEqual([pin?.reasons.map(english), pin?.score], [["pinned", "r"], undefined]);
  });

  test("says why code is pinned: by hand, by the question, by a selection", () => {
    const reasons = (["pinned", "mentioned", "selected"] as const).map((why) => {
      const pinned = { units: [{ unit: unitOf("a", 9), why }], missing: [] };
      return buildPrompt(options({ pinned }))
        .pieces.find(({ unit }) => unit !== undefined)
        ?.reasons.map(english);
    });
    assert.deepEqual(reasons, [["pinned"], ["mentioned in the question"], ["selected in the editor"]]);
  });

  test("does not say that nothing matches where code is pinned", () => {
    const unit = makeUnit({ path: "src/other.ts", name: "other", text: "const other = 1;" });
    const text = promptText(buildPrompt(options({ pinned: pins(unit) })));
    assert.ok(text.includes("const other = 1;") && !text.includes("Nothing in the indexed code"), text);
  });

  test("shows pinned units that are too long in a shorter form, and says of those that do not fit why", () => {
    const body = Array.from({ length: 60 }, (_, line) => `  step${line}(retry, "${"x".repeat(20)}");`);
    const text = ["function long() {", ...body, "}"].join("\n");
    const units = ["a", "b", "c"].map((name) =>
      makeUnit({ path: `src/${name}.ts`, name, signature: "function long()", text: text.replace("long", name) }),
    );
    const prompt = buildPrompt(options({ pinned: pins(...units), budgetTokens: 900, answerReserveTokens: 100 }));
    const shown = prompt.pieces.filter(({ unit }) => unit !== undefined);
    assert.ok(prompt.tokensSent <= 800);
    assert.ok(shown.length >= 2 && shown.every(({ fidelity }) => fidelity !== "full"), JSON.stringify(shown));
    const large = Array.from({ length: 40 }, (_, at) => unitOf(`u${at}`, 200));
    const crowded = buildPrompt(options({ pinned: pins(...large), budgetTokens: 900, answerReserveTokens: 100 }));
    assert.ok(crowded.tokensSent <= 800 && crowded.dropped.length > 0);
    for (const { why } of crowded.dropped) {
      assert.match(english(why), /needs .* tokens, \d+ were left|not worth its tokens/);
    }
  });

  test("leaves out what a person took out, says so, and puts nothing of it into any share", () => {
    const [a, b, c] = [unitOf("a", 50), unitOf("b", 50), unitOf("c", 50)];
    const ranked = [a, b].map((unit, at) => ({ unit, score: 9 - at, reasons: [] }));
    const isTakenOut = ({ id }: Unit) => id !== b.id;
    const prompt = buildPrompt(options({ ranked, openFileUnits: [c], isTakenOut }));
    assert.deepEqual(
      prompt.pieces.flatMap(({ unit }) => unit?.name ?? []),
      ["b"],
    );
    assert.deepEqual(
      prompt.dropped.map(({ unit, why }) => [unit.name, english(why)]),
      [
        ["c", "taken out by you"],
        ["a", "taken out by you"],
      ],
    );
    const pinned = buildPrompt(options({ ranked, isTakenOut, pinned: pins(a) }));
    assert.ok(pinned.pieces.some(({ unit, share }) => unit?.name === "a" && share === "pinned"));
  });

  test("obeys the shares that it is given", () => {
    const openFileUnits = Array.from({ length: 20 }, (_, at) => unitOf(`open${at}`, 100));
    const history = Array.from({ length: 12 }, (_, turn) => ({ question: `q${turn}`, answer: "x".repeat(400) }));
    const ranked = rank(...Array.from({ length: 20 }, (_, number) => [`u${number}`, 300] as const));
    const taken = (["openFile", "history"] as const).map((share) =>
      [0, 0.1, 0.45].map((part) => {
        const shares = { openFile: 0, history: 0, [share]: part };
        return tokensOf(buildPrompt(options({ openFileUnits, history, ranked, shares })), share);
      }),
    );
    for (const [none = 0, little = 0, much = 0] of taken) {
      assert.ok(none < 100 && none < little && little < much, JSON.stringify(taken));
    }
  });

  test("quotes earlier turns, so that their headings and fences stay inside", () => {
    const history = [{ question: "# Question", answer: "```\nx\r\n# Code" }];
    const text = promptText(buildPrompt(options({ history })));
    assert.ok(text.includes("> # Question\nAnswer:\n> ```\n> x\n> # Code\n"), text);
  });

  test("takes control characters out of the question and leaves the rest as asked", () => {
    const prompt = buildPrompt(options({ question: " a\u0000b\u001b[1m ```\r\n</u><a> " }));
    assert.equal(prompt.pieces.find((piece) => piece.share === "question")?.text, "# Question\n\nab[1m ```\n</u><a>\n");
    assert.equal(prompt.question, " a\u0000b\u001b[1m ```\r\n</u><a> ");
  });

  test("fails when system prompt, question and answer do not fit", () => {
    fails({ budgetTokens: 250, answerReserveTokens: 100 }, "budgetTooSmall");
    fails({ budgetTokens: 100, answerReserveTokens: 100 }, "budgetTooSmall");
    fails({ budgetTokens: 0, answerReserveTokens: 16 }, "budgetTooSmall");
  });

  test("fails when the question alone takes more than half", () => {
    fails({ question: "word ".repeat(700) }, "questionTooLong");
  });
});
