/** Compression: ranked units into a token budget. `compressors` is the table of methods. */
import type { RankedUnit } from "../protocol/units.ts";
import { compressByKnapsack } from "./compressKnapsack.ts";
import { compressByBlocks } from "./compressLongCodeZip.ts";
import type { Compressor } from "./compressRequest.ts";
import { Selection, type Choice } from "./compressSelection.ts";
import { keptLines, unitLines } from "./rendering.ts";

export const compressorNames = ["none", "signatures", "longcodezip", "knapsack"] as const;
export type CompressorName = (typeof compressorNames)[number];

export const compressors: Readonly<Record<CompressorName, Compressor>> = {
  /** Whole units in ranked order, as many as fit. */
  none(request) {
    const selection = new Selection(request);
    for (const ranked of request.ranked) selection.tryAdd(ranked, whole(ranked));
    return selection.result();
  },
  /** Declarations only; units without one as a whole. */
  signatures(request) {
    const selection = new Selection(request);
    for (const ranked of request.ranked) selection.tryAdd(ranked, declared(ranked) ?? whole(ranked));
    return selection.result();
  },
  /** The published method's second stage; without readings it keeps its units whole. */
  longcodezip: compressByBlocks,
  /** Declarations, pruned and whole units, whatever the budget gains most by. */
  knapsack: compressByKnapsack,
};

function whole({ unit }: RankedUnit): Choice {
  return { fidelity: "full", lines: unitLines(unit) };
}

function declared({ unit }: RankedUnit): Choice | null {
  const lines = keptLines(unit, "signature");
  return lines.length === 0 ? null : { fidelity: "signature", lines };
}
