/** Quality: what a model says from compressed cells against what it says from all of them. */
import type { NativeContext, NativeKvState, NativeKvType } from "../../native/addon.ts";
import { KvCompressor } from "../../extension/engine/kvCompression.ts";
import type { Observed } from "../../extension/engine/kvObservation.ts";
import { evictors } from "../../extension/pipeline/evict.ts";
import { evictorNames, type EvictorName } from "../../extension/protocol/settings.ts";
import type { KvModel, ProbeReference, ReadCase } from "./kvModel.ts";
import { RowTotals, type QualityRow } from "./kvRows.ts";

export interface QualityOptions {
  readonly keepRatios: readonly number[];
  readonly threads: number;
  readonly repeatText?: string;
  readonly onCase: (path: string, done: number) => void;
}

export interface QualityPlan {
  readonly evictor: EvictorName;
  readonly keepRatio: number;
  readonly kvType: NativeKvType;
}

/** Methods whose states are also measured as they are stored. */
const storedEvictors: ReadonlySet<EvictorName> = new Set(["none", "kvzip-composite-refit"]);
const storedTypes = ["q8_0", "q4_0"] as const;

/** One row per method, ratio and type; `none` keeps everything, so it has one ratio. */
export function qualityPlans(keepRatios: readonly number[]): QualityPlan[] {
  return evictorNames.flatMap((evictor) =>
    (evictors[evictor].keeps === "all" ? [1] : keepRatios).flatMap((keepRatio) =>
      (["f16", ...(storedEvictors.has(evictor) ? storedTypes : [])] as const).map((kvType) => ({
        evictor,
        keepRatio,
        kvType,
      })),
    ),
  );
}

export async function measureQuality(
  kvModel: KvModel,
  cases: readonly ReadCase[],
  options: QualityOptions,
): Promise<QualityRow[]> {
  const plans = qualityPlans(options.keepRatios);
  const totals = new Map(plans.map((plan) => [plan, new RowTotals()]));
  const { threads } = options;
  const cells = Math.max(
    ...cases.map(({ tokens, probes }) => tokens.length + Math.max(...probes.map((probe) => probe.tokens.length))),
  );
  const context = await kvModel.model.openContext({ cells: cells + 1, threads });
  const compressor = await KvCompressor.open(kvModel.model, {
    cells,
    threads,
    ...(options.repeatText === undefined ? {} : { repeatText: options.repeatText }),
  });
  try {
    for (const [at, each] of cases.entries()) {
      await measureCase({ kvModel, context, compressor, each, totals });
      options.onCase(each.path, at + 1);
    }
  } finally {
    await compressor.close();
    await context.close();
  }
  return plans.map((plan) => (totals.get(plan) ?? new RowTotals()).row(plan));
}

async function measureCase({
  kvModel,
  context,
  compressor,
  each,
  totals,
}: {
  kvModel: KvModel;
  context: NativeContext;
  compressor: KvCompressor;
  each: ReadCase;
  totals: ReadonlyMap<QualityPlan, RowTotals>;
}): Promise<void> {
  const { tokens, segments } = each;
  context.clear();
  await context.read(0, tokens);
  const state = await context.captureSequence(0);
  try {
    const references = await kvModel.ask(context, each.probes);
    const seen = new Map<string, Observed | null>();
    for (const [{ evictor, keepRatio }, types] of byChoice(totals)) {
      const key = evictors[evictor].needs.join();
      if (!seen.has(key)) seen.set(key, await compressor.observe({ state, tokens, segments, evictor }));
      const looked = seen.get(key) ?? null;
      const compressed = await compressor.compress({ state, tokens, segments, evictor, keepRatio }, looked);
      try {
        for (const [plan, total] of types) {
          await measureState({ kvModel, context, references, each, total }, compressed.state, plan);
        }
      } finally {
        compressed.state.close();
      }
    }
  } finally {
    state.close();
  }
}

/** The types of each method and ratio together. */
function byChoice(
  totals: ReadonlyMap<QualityPlan, RowTotals>,
): Map<Pick<QualityPlan, "evictor" | "keepRatio">, (readonly [QualityPlan, RowTotals])[]> {
  const groups = new Map<string, { first: QualityPlan; all: (readonly [QualityPlan, RowTotals])[] }>();
  for (const [plan, total] of totals) {
    const key = `${plan.evictor} ${plan.keepRatio}`;
    const group = groups.get(key) ?? { first: plan, all: [] };
    group.all.push([plan, total]);
    groups.set(key, group);
  }
  return new Map([...groups.values()].map(({ first, all }) => [first, all]));
}

async function measureState(
  {
    kvModel,
    context,
    references,
    each,
    total,
  }: {
    kvModel: KvModel;
    context: NativeContext;
    references: readonly ProbeReference[];
    each: ReadCase;
    total: RowTotals;
  },
  compressed: NativeKvState,
  { kvType }: QualityPlan,
): Promise<void> {
  const stored = compressed.convert(kvType);
  try {
    await kvModel.hold(context, stored);
    total.add(await kvModel.compare(context, references), {
      kept: compressed.info.cells / each.tokens.length,
      memoryBytes: stored.info.bytes,
      diskBytes: stored.encode({ tokens: each.tokens, segments: new Int32Array(0) }).byteLength,
    });
  } finally {
    stored.close();
  }
}
