/** Docstring needles in whole repositories: the rankings that ship look for functions that have lost doc and name. */
import type { Grammars } from "../../extension/engine/grammars.ts";
import type { TableEncoder } from "../../extension/engine/staticTable.ts";
import type { LikelihoodScorer } from "../../extension/pipeline/ports.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import {
  differences,
  groupInterval,
  mean,
  meanOfMeans,
  questionInterval,
  type Groups,
  type Interval,
} from "./bootstrap.ts";
import { withIndex } from "./indexedFolder.ts";
import { isNeedle, maskRepository, withFiles } from "./maskedWorkspace.ts";
import { parseSourceFiles, readSourceFiles } from "./sourceFiles.ts";
import { rankingsOf } from "./signalRankings.ts";

/** Place (from 1) of the right function by row, one per needle; 0 where it is not among the first. */
export type NeedlePlaces = Readonly<Record<string, readonly number[]>>;

export interface InRepositoryRow {
  readonly row: string;
  readonly mrr: number;
  readonly recall10: number;
  readonly mrrByLanguage: Readonly<Record<string, number>>;
  /** Mean over the languages. */
  readonly mrrOfLanguages: number;
  /** MRR less that of the lexical row. */
  readonly against: { readonly questions: Interval; readonly repositories: Interval } | null;
}

const top = 100;
/** Null where the repository has fewer than `needlesMin` needles. */
export async function findInRepository(
  folder: string,
  {
    root,
    grammars,
    encoder,
    likelihood,
    namesHidden,
    needlesMin,
    needlesMax,
  }: {
    readonly root: string;
    readonly grammars: Grammars;
    readonly encoder: TableEncoder | null;
    readonly likelihood: LikelihoodScorer | null;
    readonly namesHidden: boolean;
    readonly needlesMin: number;
    readonly needlesMax: number;
  },
): Promise<NeedlePlaces | null> {
  const files = await readSourceFiles(folder, grammars);
  const masked = maskRepository(files, await parseSourceFiles(files, grammars), { namesHidden });
  if (masked.needles.length < needlesMin) return null;
  const needsLikelihood: readonly RankerName[] = ["longcodezip", "likelihood"];
  const rows = rankerNames.filter((row) => likelihood !== null || !needsLikelihood.includes(row));
  return withFiles(masked.files, (copy) =>
    withIndex({ folder: copy, root, encoder }, async ({ index }) => {
      const places: Record<string, number[]> = Object.fromEntries(rows.map((row) => [row, []]));
      let asked = 0;
      for (const needle of new SeededRandom(folder).shuffled(masked.needles)) {
        if (asked === needlesMax) break;
        // Where masking has broken the syntax, there is nothing to find.
        if (!index.unitsOfFile(needle.unit.path).some((unit) => isNeedle(unit, needle))) continue;
        asked += 1;
        const rankings = rankingsOf(
          needle.question,
          { source: index, encoder, likelihood },
          { top, purpose: "prompt" },
        );
        for (const row of rows) {
          const ranked = await rankings.by(row);
          places[row]?.push(ranked.findIndex(({ unit }) => isNeedle(unit, needle)) + 1);
        }
      }
      return asked < needlesMin ? null : places;
    }),
  );
}

export function inRepositoryRows(
  repositories: readonly { readonly language: string; readonly places: NeedlePlaces }[],
): InRepositoryRow[] {
  const rows = Object.keys(repositories[0]?.places ?? {});
  const values = (row: string, value: (place: number) => number): Groups =>
    repositories.map(({ places }) => (places[row] ?? []).map(value));
  const languages = [...new Set(repositories.map(({ language }) => language))];
  const reciprocal = (place: number) => (place === 0 ? 0 : 1 / place);
  return rows.map((row) => {
    const gained = differences(values(row, reciprocal), values("lexical", reciprocal));
    const byLanguage = languages.map((language) => {
      const own = values(row, reciprocal).filter((_, at) => repositories[at]?.language === language);
      return [language, meanOfMeans(own)] as const;
    });
    return {
      row,
      mrr: meanOfMeans(values(row, reciprocal)),
      mrrByLanguage: Object.fromEntries(byLanguage),
      mrrOfLanguages: mean(byLanguage.map(([, value]) => value)),
      recall10: meanOfMeans(values(row, (place) => Number(place >= 1 && place <= 10))),
      against: row === "lexical" ? null : { questions: questionInterval(gained), repositories: groupInterval(gained) },
    };
  });
}
