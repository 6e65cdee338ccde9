import type { IndexSummary } from "../protocol/engine.ts";
import { english } from "../protocol/sentence.ts";
import { withEngine } from "./openEngine.ts";
import type { CommandContext, SharedOptions } from "./openEngine.ts";
import { bytes, count, counted, heading, table } from "./textFormat.ts";

/** Problems listed one by one; `--json` lists them all. */
const problemsShown = 20;

/** `precis index`: brings the index up to date and says what is in it. */
export async function runIndex(options: SharedOptions, context: CommandContext): Promise<void> {
  const summary = await withEngine(options, context, (client) =>
    client.request("index", {}, { signal: context.signal }),
  );
  if (options.json) context.terminal.printJson(summary);
  else context.terminal.print(indexText(summary));
}

function indexText(summary: IndexSummary): string {
  const languages = Object.entries(summary.unitsPerLanguage).sort((a, b) => b[1] - a[1]);
  const parts = [
    heading("Index"),
    table(
      [
        ["files", count(summary.files), `${count(summary.filesParsed)} parsed, ${count(summary.filesRemoved)} removed`],
        ["lines", count(summary.lines), ""],
        ["bytes", count(summary.bytes), bytes(summary.bytes)],
        ["units", count(summary.units), ""],
        ["index", count(summary.indexBytes), bytes(summary.indexBytes)],
        ["time", `${count(summary.ms)} ms`, `parser: ${english(summary.parser)}`],
      ],
      ["left", "right", "left"],
      "  ",
    ),
    "",
    heading("Units per language"),
    table(
      languages.map(([language, units]) => [language, count(units)]),
      ["left", "right"],
      "  ",
    ),
  ];
  const skipped = Object.entries(summary.skippedCounts).map(([reason, files]) => `${count(files)} ${reason}`);
  if (skipped.length > 0) parts.push("", `Not indexed: ${skipped.join(", ")}`);
  if (summary.problems.length > 0) {
    parts.push("", heading(counted(summary.problems.length, "problem")));
    for (const problem of summary.problems.slice(0, problemsShown)) {
      parts.push(`  ${problem.path}:${problem.line} ${english(problem.message)}`);
    }
    const more = summary.problems.length - problemsShown;
    if (more > 0) parts.push(`  and ${count(more)} more; --json lists them all`);
  }
  return parts.join("\n");
}
