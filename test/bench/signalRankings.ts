/** Rankings of one question by many rows: features are gathered once, likelihoods are remembered. */
import type { RankRequest } from "../../extension/pipeline/candidates.ts";
import type { LikelihoodScorer, QuestionGains, StaticEncoder, UnitSource } from "../../extension/pipeline/ports.ts";
import { gatherSignals, orderSignals, rankers, type RankWeights, type Signals } from "../../extension/pipeline/rank.ts";
import type { RankerName } from "../../extension/protocol/settings.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";

export interface RankingSources {
  readonly source: UnitSource;
  readonly encoder: StaticEncoder | null;
  readonly likelihood: LikelihoodScorer | null;
}

/** A ranker that ships, or features with weights of one's own. */
export type RankingRow = RankerName | RankWeights;

export interface QuestionRankings {
  /** Best first. */
  by(row: RankingRow): Promise<readonly RankedUnit[]>;
  /** What all rows with a table, or all without, are made of. */
  signals(withTable: boolean): Signals;
}

/** Rankings of the best `top` units. Without a weight of the table, it does not choose candidates either. */
export function rankingsOf(
  question: string,
  sources: RankingSources,
  { top, purpose = "list" }: { readonly top: number; readonly purpose?: RankRequest["purpose"] },
): QuestionRankings {
  const { signal } = new AbortController();
  const request: RankRequest = { question, purpose, top, root: "" };
  const likelihood = sources.likelihood === null ? null : new RememberedScorer(sources.likelihood);
  const toolsFor = (encoder: StaticEncoder | null) => ({ source: sources.source, encoder, likelihood, signal });
  const gathered = new Map<boolean, Signals>();
  const signals = (withTable: boolean): Signals => {
    const known = gathered.get(withTable) ?? gatherSignals(request, toolsFor(withTable ? sources.encoder : null));
    gathered.set(withTable, known);
    return known;
  };
  return {
    signals,
    async by(row) {
      if (typeof row === "string") {
        const usesTable = row !== "lexical" && row !== "graph";
        return (await rankers[row](request, toolsFor(usesTable ? sources.encoder : null))).ranked;
      }
      const withTable = row.features.closeness !== undefined;
      return (await orderSignals(signals(withTable), row, toolsFor(sources.encoder))).ranked;
    },
  };
}

/** Asks for each unit once. Good for one question. */
class RememberedScorer implements LikelihoodScorer {
  readonly name: string;
  readonly #scorer: LikelihoodScorer;
  readonly #known = new Map<string, Float64Array>();
  #question: Omit<QuestionGains, "given"> = { tokens: [], base: new Float64Array(0) };

  constructor(scorer: LikelihoodScorer) {
    this.name = scorer.name;
    this.#scorer = scorer;
  }

  async gains(question: string, units: readonly Unit[], signal: AbortSignal): Promise<QuestionGains> {
    const unknown = units.filter((unit) => !this.#known.has(unit.id));
    if (unknown.length > 0) {
      const { given, ...asked } = await this.#scorer.gains(question, unknown, signal);
      this.#question = asked;
      unknown.forEach((unit, at) => this.#known.set(unit.id, given[at] ?? new Float64Array(0)));
    }
    return { ...this.#question, given: units.map((unit) => this.#known.get(unit.id) ?? new Float64Array(0)) };
  }
}
