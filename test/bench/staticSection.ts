/** Part a: what the static table brings to ranking, and how fast it is. */
import { parseSourceFiles, readSourceFiles } from "./sourceFiles.ts";
import { BenchContext } from "./benchContext.ts";
import { measureNdcg } from "./ndcgSection.ts";
import type { BenchData } from "./rankingData.ts";
import { measureStaticSpeed } from "./staticSpeed.ts";

export async function measureStatic({ options, report }: BenchContext): Promise<Record<string, unknown>> {
  // Rankings with the likelihood take a hundred times as long, and bench:rank has them.
  const context = new BenchContext({ ...options, scorer: "none" }, report);
  const data = await context.benchData();
  if (data === null) return {};
  return {
    ranking: await measureNdcg(context, { fit: false, commits: [] }),
    speed: await measureSpeed(context, data),
  };
}

async function measureSpeed(context: BenchContext, { repositories }: BenchData): Promise<unknown> {
  const encoder = await context.encoder();
  if (encoder === null) return null;
  const grammars = await context.grammars();
  const units = [];
  for (const { folder } of repositories) {
    if (units.length >= 10_000) break;
    const files = await readSourceFiles(folder, grammars);
    units.push(...(await parseSourceFiles(files, grammars)).flatMap((file) => file.units));
  }
  const questions = repositories.flatMap((repository) => repository.questions.map(({ text }) => text));
  const speed = measureStaticSpeed(encoder, units.slice(0, 10_000), questions);
  context.report.line(
    `\na: ${speed.unitsPerSecond.toLocaleString("en-US")} units encoded per second of processor time (${speed.unitsPerSecondCold.toLocaleString("en-US")} at first); a question at ${speed.units} units: ` +
      `${speed.questionMs.toFixed(2)} ms, with its candidates chosen ${speed.candidatesMs.toFixed(2)} ms`,
  );
  return speed;
}
