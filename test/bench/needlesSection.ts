/** Docstring needles: the first sentence of a documentation finds its function in the whole repository. */
import type { BenchContext } from "./benchContext.ts";
import { findInRepository, inRepositoryRows, type InRepositoryRow, type NeedlePlaces } from "./inRepositoryNeedles.ts";
import { intervalText } from "./report.ts";

export interface NeedleFigures {
  readonly namesHidden: boolean;
  readonly repositories: readonly string[];
  readonly needles: number;
  readonly rows: readonly InRepositoryRow[];
}

/** Documentation is hidden everywhere; the functions' names are as well, or not. */
export async function measureNeedles(context: BenchContext, namesHidden: boolean): Promise<NeedleFigures | null> {
  const data = await context.benchData();
  if (data === null) return null;
  const { report, options, quick } = context;
  const tools = {
    root: options.root,
    grammars: await context.grammars(),
    encoder: await context.encoder(),
    likelihood: await context.likelihood(),
    namesHidden,
    needlesMin: quick ? 3 : 10,
    needlesMax: quick ? 4 : 25,
  };
  const found: { name: string; language: string; places: NeedlePlaces }[] = [];
  for (const { name, language, folder } of data.repositories) {
    const places = await findInRepository(folder, tools);
    if (places === null) report.line(`${name}: too few documented functions for needles`);
    else found.push({ name, language, places });
  }
  if (found.length === 0) return null;
  const rows = inRepositoryRows(found);
  const languages = [...new Set(found.map(({ language }) => language))];
  report.table(
    `Docstring needles in ${found.length} whole repositories, documentation ${namesHidden ? "and names" : "but not names"} hidden: MRR`,
    ["row", "MRR", "recall@10", "against lexical", "(repositories)", "mean of languages", ...languages],
    rows.map(({ row, mrr, recall10, against, mrrByLanguage, mrrOfLanguages }) => [
      row,
      mrr,
      recall10,
      against === null ? "" : intervalText(against.questions),
      against === null ? "" : intervalText(against.repositories),
      mrrOfLanguages,
      ...languages.map((language) => mrrByLanguage[language] ?? null),
    ]),
  );
  const needles = found.reduce((sum, { places }) => sum + (places["lexical"]?.length ?? 0), 0);
  return { namesHidden, repositories: found.map(({ name }) => name), needles, rows };
}
