/** Sums up what probes said, one row per method, ratio and type. */
import type { EvictorName } from "../../extension/protocol/settings.ts";
import type { NativeKvType } from "../../native/addon.ts";
import { mean, quantile } from "./bootstrap.ts";
import type { ProbeOutcome } from "./kvModel.ts";

/** Of next-token distributions, KL(full ‖ compressed) in nats. */
export interface DivergenceFigures {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
  /** Share of tokens with the same likeliest one. */
  readonly top1: number;
  /** Nats per token that the text that follows has become less likely. */
  readonly lossChange: number;
  readonly tokens: number;
}

export interface QualityRow {
  readonly evictor: EvictorName;
  readonly keepRatio: number;
  readonly kvType: NativeKvType;
  /** What follows in the file. */
  readonly text: DivergenceFigures;
  /** Answers to all questions that the context answers. */
  readonly answers: DivergenceFigures;
  /** Share of the answers' tokens that are the likeliest ones, by kind of question. */
  readonly recall: Readonly<Record<string, number>>;
  /** Share of questions of which that holds for the whole answer. */
  readonly exact: Readonly<Record<string, number>>;
  /** Of needles, by depth: as `recall`. */
  readonly recallByDepth: Readonly<Record<string, number>>;
  /** Cells kept of all. */
  readonly keptShare: number;
  /** Kept state, mean over the contexts. */
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export class RowTotals {
  readonly #outcomes: ProbeOutcome[] = [];
  readonly #sizes: { readonly kept: number; readonly memoryBytes: number; readonly diskBytes: number }[] = [];

  add(
    outcomes: readonly ProbeOutcome[],
    size: { readonly kept: number; readonly memoryBytes: number; readonly diskBytes: number },
  ): void {
    this.#outcomes.push(...outcomes);
    this.#sizes.push(size);
  }

  row(of: Pick<QualityRow, "evictor" | "keepRatio" | "kvType">): QualityRow {
    const questions = this.#outcomes.filter(({ probe }) => probe.kind !== "text");
    const needles = questions.filter(({ probe }) => probe.kind === "needle");
    const sizeOf = (field: "kept" | "memoryBytes" | "diskBytes") => mean(this.#sizes.map((size) => size[field]));
    return {
      ...of,
      text: divergenceFigures(this.#outcomes.filter(({ probe }) => probe.kind === "text")),
      answers: divergenceFigures(questions),
      recall: shareBy(questions, hitShare, ({ probe }) => probe.kind),
      exact: shareBy(
        questions,
        (outcome) => Number(hitShare(outcome) === 1),
        ({ probe }) => probe.kind,
      ),
      recallByDepth: shareBy(needles, hitShare, ({ probe }) => String(probe.depth)),
      keptShare: sizeOf("kept"),
      memoryBytes: Math.round(sizeOf("memoryBytes")),
      diskBytes: Math.round(sizeOf("diskBytes")),
    };
  }
}

export function divergenceFigures(outcomes: readonly ProbeOutcome[]): DivergenceFigures {
  const all = (field: "nats" | "agrees" | "lossChange") => outcomes.flatMap(({ divergence }) => divergence[field]);
  const nats = all("nats");
  return {
    mean: mean(nats),
    p99: quantile(nats, 0.99),
    max: Math.max(0, ...nats),
    top1: mean(all("agrees")),
    lossChange: mean(all("lossChange")),
    tokens: nats.length,
  };
}

function hitShare({ divergence }: ProbeOutcome): number {
  return mean(divergence.hits);
}

function shareBy(
  outcomes: readonly ProbeOutcome[],
  share: (outcome: ProbeOutcome) => number,
  keyOf: (outcome: ProbeOutcome) => string,
): Record<string, number> {
  const groups = new Map<string, number[]>();
  for (const outcome of outcomes) {
    const shares = groups.get(keyOf(outcome)) ?? [];
    shares.push(share(outcome));
    groups.set(keyOf(outcome), shares);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, shares]) => [key, mean(shares)]));
}
