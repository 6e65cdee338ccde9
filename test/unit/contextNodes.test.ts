import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetLine, budgetView } from "../../extension/host/budgetView.ts";
import { contextChildren, contextRoots } from "../../extension/host/contextNodes.ts";
import type { ContextContent, ContextNode } from "../../extension/host/contextNodes.ts";
import { contextRow } from "../../extension/host/contextRows.ts";
import { noChoices } from "../../extension/protocol/personChoices.ts";
import type { PersonChoices } from "../../extension/protocol/personChoices.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import { droppedOf, promptOf, unitReference } from "../support/prompts.ts";

const prompt = promptOf(
  [
    { share: "template", tokensSent: 3, text: "<s>" },
    { share: "system", tokensSent: 50 },
    { share: "pinned", tokensSent: 2, text: "# Pinned code\n\n" },
    { share: "pinned", tokensSent: 30, unit: unitReference("lid"), fidelity: "full", reasons: [sentence("pinned")] },
    { share: "retrieved", tokensSent: 4, text: "# Code of the repository\n\n" },
    {
      share: "retrieved",
      tokensRaw: 90,
      tokensSent: 60,
      unit: unitReference("valve"),
      fidelity: "pruned",
      score: 1.25,
      reasons: [sentence("defines `{0}`", "valve")],
    },
    {
      share: "history",
      tokensSent: 5,
      text: "# Earlier in this conversation\n\n",
      reasons: [sentence("{0} older turns do not fit", 2)],
    },
    {
      share: "history",
      tokensRaw: 80,
      tokensSent: 20,
      fidelity: "pruned",
      text: "Question:\n> Why?\nAnswer, shortened:\n> Because.\n\n",
    },
    { share: "question", tokensSent: 10 },
  ],
  { dropped: [droppedOf("pump"), droppedOf("drain", { why: sentence("taken out by you") })] },
);

function content(over: Partial<ContextContent> = {}): ContextContent {
  return { prompt, skipped: [], choices: noChoices, ...over };
}

function rows(nodes: readonly ContextNode[], choices: PersonChoices = noChoices): string[] {
  return nodes.map((node) => {
    const { label, description } = contextRow(node, choices);
    return `${label}: ${description}`;
  });
}

function childrenOf(kind: ContextNode["kind"], given = content(), share = ""): ContextNode[] {
  const node = contextRoots(given).find(
    (root) => root.kind === kind && (root.kind !== "share" || root.share === share),
  );
  return node === undefined ? [] : contextChildren(node);
}

test("the shares stand in the prompt's order, with what is reserved and what is free they are the budget", () => {
  assert.deepEqual(rows(contextRoots(content())), [
    "System: 50 tokens",
    "Pinned: 32 tokens",
    "Retrieved: 94 → 64 tokens",
    "History: 85 → 25 tokens",
    "Question: 10 tokens",
    "Chat format: 3 tokens",
    "Answer reserve: 200 tokens",
    "Free: 616 tokens",
    "Left out: 2 pieces",
  ]);
  const shown = contextRoots(content()).flatMap(contextChildren);
  const sent = shown.reduce((sum, node) => sum + (node.kind === "piece" ? node.piece.tokensSent : 0), 0);
  assert.equal(sent, prompt.tokensSent);
});

test("a piece tells its tokens, score, fidelity, place and why it is there, also to a screen reader", () => {
  const [, valve] = childrenOf("share", content(), "retrieved");
  assert.ok(valve !== undefined);
  const row = contextRow(valve, noChoices);
  assert.equal(row.description, "90 → 60 tokens · 1.25 · pruned");
  assert.match(
    row.tooltip,
    /src\/valve\.ts:3-9\nTokens: 90 → 60 tokens\nFidelity: pruned\nScore: 1\.250\nWhy: defines `valve`/,
  );
  assert.match(row.spoken ?? "", /^valve, src\/valve\.ts:3-9, 90 → 60 tokens · 1\.25 · pruned, Why: defines `valve`$/);
  assert.deepEqual(row.command, { name: "precis.openPiece", argument: unitReference("valve") });
});

test("earlier turns tell how much of them is left, and that older ones do not fit", () => {
  assert.deepEqual(rows(childrenOf("share", content(), "history")), [
    "# Earlier in this conversation: 5 tokens · 2 older turns do not fit",
    "Why?: 80 → 20 tokens · shortened",
  ]);
});

test("what can be done with a piece follows from what the person chose", () => {
  const [, valve] = childrenOf("share", content(), "retrieved");
  const [, lid] = childrenOf("share", content(), "pinned");
  const [pump, drain] = childrenOf("leftOut");
  assert.ok(valve !== undefined && lid !== undefined && pump !== undefined && drain !== undefined);
  const choices: PersonChoices = {
    pinned: [{ path: "src/lid.ts", startLine: 0, endLine: 0, why: "pinned" }],
    dropped: [{ path: "src/drain.ts", qualifiedName: "drain" }],
  };
  assert.deepEqual(
    [valve, lid, pump, drain].map((node) => contextRow(node, choices).context),
    ["unit pin drop copy", "unit unpin drop copy", "unit pin drop", "unit takeBack"],
  );
  // The question mentions it, so taking it out would change nothing.
  assert.equal(contextRow(lid, noChoices).context, "unit pin copy");
});

test("pins and drops are shown and can be taken back, with and without a prompt", () => {
  const choices: PersonChoices = {
    pinned: [
      { path: "src/lid.ts", startLine: 0, endLine: 0, why: "pinned" },
      { path: "src/box.ts", startLine: 4, endLine: 8, why: "pinned", qualifiedName: "Box.open" },
      { path: "src/box.ts", startLine: 4, endLine: 5, why: "pinned" },
    ],
    dropped: [{ path: "src/a.ts", qualifiedName: "a" }],
  };
  const roots = contextRoots(content({ prompt: null, choices }));
  assert.deepEqual(rows(roots), ["Your choices: 3 pinned, 1 taken out"]);
  const nodes = roots.flatMap(contextChildren);
  assert.deepEqual(rows(nodes), [
    "lid.ts: whole file · src/lid.ts",
    "Box.open: pinned · src/box.ts",
    "box.ts:4-5: lines · src/box.ts",
    "a: taken out · src/a.ts",
  ]);
  assert.deepEqual(
    nodes.map((node) => contextRow(node, choices).context),
    ["unit unpin", "unit unpin", "unit unpin", "takeBack"],
  );
  assert.equal(contextRoots(content({ choices })).filter(({ kind }) => kind === "choices").length, 1);
  assert.deepEqual(contextRoots(content({ prompt: null })), []);
});

test("a pinned place without code says so, and can be unpinned", () => {
  const why = sentence("the file is not indexed, so it cannot be sent");
  const missing = droppedOf("gone", { tokensRaw: 0, why, unit: unitReference("gone", { startLine: 0, endLine: 0 }) });
  const [node] = childrenOf("leftOut", content({ prompt: { ...prompt, dropped: [missing] } }));
  assert.ok(node !== undefined);
  const row = contextRow(node, noChoices);
  assert.deepEqual([row.description, row.context], [english(why), "unpin"]);
});

test("long lists end with how many more there are", () => {
  const dropped = Array.from({ length: 203 }, (_, at) => droppedOf(`u${at}`));
  const nodes = childrenOf("leftOut", content({ prompt: { ...prompt, dropped } }));
  assert.deepEqual([nodes.length, rows(nodes.slice(-1))], [201, ["… and 3 more: "]]);
});

test("excluded files are grouped by reason, the largest group first", () => {
  const skipped = [
    { path: ".env", reason: "secret", detail: sentence("may hold secrets") },
    { path: "a.bin", reason: "binary", detail: sentence("binary") },
    { path: "b.bin", reason: "binary", detail: sentence("binary") },
  ] as const;
  const groups = childrenOf("excluded", content({ skipped }));
  assert.deepEqual(rows(groups), ["Binary: 2", "Secrets: 1"]);
  assert.deepEqual(rows(groups.slice(1).flatMap(contextChildren)), [".env: may hold secrets"]);
});

test("the budget's bar adds up to the budget, in the prompt's order, reserve and free room last", () => {
  const view = budgetView(prompt, true);
  assert.deepEqual(
    view.shares.map(({ share, tokens }) => [share, tokens]),
    [
      ["system", 50],
      ["pinned", 32],
      ["retrieved", 64],
      ["history", 25],
      ["question", 10],
      ["template", 3],
      ["answerReserve", 200],
      ["free", 616],
    ],
  );
  assert.equal(
    view.shares.reduce((sum, { tokens }) => sum + tokens, 0),
    view.budgetTokens,
  );
  assert.ok(view.isPreview);
  assert.equal(budgetLine(prompt, false), "274 → 184 of 800 tokens");
  assert.equal(budgetLine(prompt, true), "preview: 274 → 184 of 800 tokens");
});
