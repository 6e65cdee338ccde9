/** What a language model makes of units and a question, computed before compressing: compressors themselves are pure. */
import type { Unit } from "../protocol/units.ts";
import type { LineLosses, LineScorer } from "./ports.ts";

/** Neighbouring lines of a unit's text, as indexes. */
export interface Block {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
  /** How much it lowers the question's perplexity; below 0 where it raises it. */
  readonly value: number;
}

export interface Readings {
  /** Nats by which the question makes each line of a unit's text likelier. By unit id. */
  readonly lineGains: ReadonlyMap<string, Float64Array>;
  /** By unit id; a unit of fewer than `blockLinesMin` lines is one block. */
  readonly blocks: ReadonlyMap<string, readonly Block[]>;
}

export interface ReadingRequest {
  readonly question: string;
  readonly units: readonly Unit[];
  readonly scorer: LineScorer;
  readonly signal: AbortSignal;
}

/** LongCodeZip's constants: shorter units are not split, and a line this far above the mean starts a block. */
export const blockLinesMin = 5;
export const spikeDeviations = 0.2;

/** Two forward passes per unit: with the question before it and without. Rejects as the scorer does. */
export async function readLineGains({ question, units, scorer, signal }: ReadingRequest): Promise<Readings> {
  const alone = await scorer.lineLosses(
    units.map(({ text }) => ({ context: "", text })),
    signal,
  );
  const asked = await scorer.lineLosses(
    units.map(({ text }) => ({ context: `${question}\n`, text })),
    signal,
  );
  const gains = units.map(({ id }, at): [string, Float64Array] => {
    const without = alone[at]?.nats ?? new Float64Array(0);
    return [id, without.map((nats, line) => nats - (asked[at]?.nats[line] ?? nats))];
  });
  return { lineGains: new Map(gains), blocks: new Map() };
}

/**
 * LongCodeZip's fine stage: a unit is cut before each line whose perplexity stands out, and a block is worth what it
 * takes off the question's perplexity. Rejects as the scorer does.
 */
export async function readBlocks({ question, units, scorer, signal }: ReadingRequest): Promise<Readings> {
  const losses = await scorer.lineLosses(
    units.map(({ text }) => ({ context: "", text })),
    signal,
  );
  const cut = units.map((unit, at) => ({ unit, ranges: spikeBlocks(losses[at]) }));
  const contexts = cut.flatMap(({ unit, ranges }) => {
    const texts = unit.text.split("\n");
    return ranges.map(([first, last]) => `${texts.slice(first, last + 1).join("\n")}\n`);
  });
  const asked = await scorer.lineLosses(
    ["", ...contexts].map((context) => ({ context, text: question })),
    signal,
  );
  const base = perplexity(asked[0]);
  let next = 1;
  const blocks = cut.map(({ unit, ranges }): [string, Block[]] => [
    unit.id,
    ranges.map(([first, last]) => ({ first, last, value: base - perplexity(asked[next++]) })),
  ]);
  return { lineGains: new Map(), blocks: new Map(blocks) };
}

/** Ranges of line indexes: a line starts a block where its log₂ perplexity is above mean + 0.2 σ of the unit's lines. */
export function spikeBlocks(losses: LineLosses | undefined): (readonly [first: number, last: number])[] {
  const lines = losses?.nats.length ?? 0;
  if (losses === undefined || lines === 0) return [];
  if (lines < blockLinesMin) return [[0, lines - 1]];
  const bits = Array.from(losses.nats, (nats, at) => nats / Math.LN2 / Math.max(1, losses.tokens[at] ?? 1));
  const mean = bits.reduce((sum, value) => sum + value, 0) / lines;
  const spread = Math.sqrt(bits.reduce((sum, value) => sum + (value - mean) ** 2, 0) / lines);
  const blocks: (readonly [number, number])[] = [];
  let first = 0;
  for (let at = 1; at < lines; at += 1) {
    if ((bits[at] ?? 0) <= mean + spikeDeviations * spread) continue;
    blocks.push([first, at - 1]);
    first = at;
  }
  return [...blocks, [first, lines - 1]];
}

function perplexity(losses: LineLosses | undefined): number {
  if (losses === undefined) return 1;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return Math.exp(sum(losses.nats) / Math.max(1, sum(losses.tokens)));
}
