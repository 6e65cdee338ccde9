/** The rows of the Engine view about the index: how far it is, what is in it, and which files could not be parsed whole. */
import { t } from "@vscode/l10n";
import { unreachable } from "../base/unreachable.ts";
import type { IndexSummary } from "../protocol/engine.ts";
import type { FileProblem } from "../protocol/units.ts";
import type { EngineNode } from "./engineNode.ts";
import { failureText } from "./failureView.ts";
import type { IndexState } from "./folderIndex.ts";
import { bytes, moment, number } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

const problemsShown = 100;

/** `updatedMs`: when the index was last brought up to date, in milliseconds since 1970; null before. */
export function indexNodes(state: IndexState, updatedMs: number | null): EngineNode[] {
  const label = t("Index");
  switch (state.kind) {
    case "none":
      return [{ label, description: t("not built yet"), icon: "database", command: "precis.reindex" }];
    case "indexing":
      return [{ label, description: progressText(state.filesDone, state.filesTotal), icon: "sync~spin" }];
    case "indexed": {
      const { problems } = state.summary;
      return [indexedNode(state.summary, updatedMs), ...(problems.length === 0 ? [] : [problemsNode(problems)])];
    }
    case "failed":
      return [{ label, description: failureText(state.failure), icon: "error", command: "precis.reindex" }];
    default:
      return unreachable(state);
  }
}

function progressText(filesDone: number, filesTotal: number): string {
  if (filesTotal === 0) return t("looking for files…");
  return t("{0} of {1} files", number(filesDone), number(filesTotal));
}

function indexedNode(summary: IndexSummary, updatedMs: number | null): EngineNode {
  const languages = Object.entries(summary.unitsPerLanguage).sort(([, a], [, b]) => b - a);
  return {
    label: t("Index"),
    description: t("{0} files, {1} units", number(summary.files), number(summary.units)),
    icon: "database",
    context: "index",
    children: [
      ...(updatedMs === null ? [] : [{ label: t("Updated"), description: moment(updatedMs), icon: "clock" }]),
      ...languages.map(([language, units]) => ({
        label: language,
        description: t("{0} units", number(units)),
        icon: "symbol-namespace",
      })),
      { label: t("Lines"), description: number(summary.lines), icon: "list-ordered" },
      { label: t("Size"), description: bytes(summary.indexBytes), icon: "file-binary" },
      { label: t("Parser"), description: sentenceText(summary.parser), icon: "symbol-structure" },
    ],
  };
}

/** Each problem opens its file at its line. */
function problemsNode(problems: readonly FileProblem[]): EngineNode {
  const shown = problems.slice(0, problemsShown).map(({ path, line, message }) => ({
    label: `${path}:${line}`,
    description: sentenceText(message),
    icon: "circle-small",
    command: "precis.openPiece",
    argument: { path, startLine: line, endLine: line },
  }));
  const more = problems.length - shown.length;
  const rest: EngineNode = { label: t("… and {0} more", number(more)), description: "", icon: "ellipsis" };
  return {
    label: t("Problems"),
    description: number(problems.length),
    icon: "warning",
    tooltip: t("These files are indexed as far as they could be parsed."),
    children: more > 0 ? [...shown, rest] : shown,
  };
}
