/** The answer without a model: the most relevant units with their documentation and code. */
import { sentence, translated } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Citation, RankedUnit, Unit } from "../protocol/units.ts";
import { questionStems, relevanceTo } from "./relevance.ts";
import { docLines, fenceFor, renderChosen, unitLines } from "./rendering.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

const unitsShownMax = 5;
const unitsListedMax = 8;
/** Lines of code of one unit: enough for most functions, and five of them still fit on two screens. */
const codeLinesMax = 24;
/** Lines from the unit's beginning; the others are those around the question's words. */
const firstLinesMax = 10;
const contextLines = 2;
const docCharactersMax = 400;

export interface ExtractRequest {
  readonly question: string;
  /** What goes along whatever its rank: shown first, in this order. */
  readonly pinned?: readonly Unit[];
  /** Best first. */
  readonly ranked: readonly RankedUnit[];
  /** The line comment of a language, for omission marks. */
  readonly omission: (language: string) => string;
  /** True where places were asked for, not an answer that no model can write. */
  readonly isSearch?: boolean;
  /** Texts of the person's language by the English ones; absent: English. */
  readonly translations?: Readonly<Record<string, string>>;
}

export interface ExtractedAnswer {
  /** Markdown. */
  readonly text: string;
  /** In the order of the text; all of them resolved. */
  readonly citations: readonly Citation[];
}

/** The whole answer; `extractiveParts` gives the same text bit by bit. */
export function extractiveAnswer(request: ExtractRequest): ExtractedAnswer {
  const { shown, listed } = chooseUnits(request);
  return {
    text: [...extractiveParts(request)].join(""),
    citations: [...shown, ...listed].map(({ unit }) => ({
      path: unit.path,
      startLine: unit.startLine,
      endLine: unit.endLine,
      name: unit.qualifiedName,
      resolved: true,
    })),
  };
}

/** The Markdown of the answer, one part per unit, so that it can be streamed. */
export function* extractiveParts(request: ExtractRequest): Generator<string, void, undefined> {
  const { shown, listed } = chooseUnits(request);
  const inWords = (told: Sentence): string => translated(told, request.translations ?? {});
  if (shown.length === 0) {
    yield `${inWords(nothingFound)}\n`;
    return;
  }
  yield `${inWords(introduction(shown.length, request.isSearch === true))}\n\n`;
  const stems = questionStems(request.question);
  let number = 1;
  for (const { unit, reasons } of shown) {
    const code = renderChosen(unit, linesToShow(unit, stems), request.omission(unit.language));
    yield describe(unit, reasons.map(inWords), number, code);
    number += 1;
  }
  if (listed.length > 0) {
    const lines = listed.map(({ unit }) => `- \`${unit.qualifiedName}\` — \`${place(unit)}\``);
    yield `**${inWords(sentence("Also related"))}**\n\n${lines.join("\n")}\n`;
  }
}

const nothingFound = sentence(
  "Nothing in the indexed code matches this question. Try other words, or a name from the code.",
);

function introduction(places: number, isSearch: boolean): Sentence {
  if (isSearch) {
    return places === 1
      ? sentence("The place in the code that fits best, in order.")
      : sentence("The {0} places in the code that fit best, in order.", places);
  }
  return places === 1
    ? sentence(
        "No model is chosen, so this is not a written answer: it is the place in the code that fits the question best.",
      )
    : sentence(
        "No model is chosen, so this is not a written answer: it is the {0} places in the code that fit the question best.",
        places,
      );
}

function describe(unit: Unit, reasons: readonly string[], number: number, code: string): string {
  const why = reasons.length === 0 ? "" : ` — ${reasons.join("; ")}`;
  const doc = firstParagraph(unit.doc);
  const fence = fenceFor(code);
  return [
    `### ${number}. \`${unit.qualifiedName}\``,
    `\`${place(unit)}\`${why}`,
    ...(doc === "" ? [] : [`> ${doc}`]),
    `${fence}${unit.language}\n${code}\n${fence}\n\n`,
  ].join("\n\n");
}

function place(unit: Unit): string {
  return `${unit.path}:${unit.startLine}-${unit.endLine}`;
}

/**
 * What to show. Headers and whole files only come first when nothing better does; without any word of the question and
 * without closeness of meaning, a unit is no answer.
 */
function chooseUnits({ question, pinned = [], ranked }: ExtractRequest): { shown: RankedUnit[]; listed: RankedUnit[] } {
  const ids = new Set(pinned.map(({ id }) => id));
  const first = pinned.map((unit) => ({ unit, score: 0, reasons: [sentence("goes along with the question")] }));
  const relevant = [...first, ...ranked.filter(({ unit }) => !ids.has(unit.id)).filter(relevanceTo(question))];
  const shown = relevant.slice(0, unitsShownMax);
  return { shown, listed: relevant.slice(unitsShownMax, unitsShownMax + unitsListedMax) };
}

/** The beginning and the lines that say most of the question, about `codeLinesMax`; not the documentation again. */
function linesToShow(unit: Unit, stems: ReadonlySet<string>): number[] {
  const doc = docLines(unit);
  const all = unitLines(unit);
  const texts = unit.text.split("\n");
  const lines = all.flatMap((line, index) => (doc.has(line) ? [] : [{ line, text: texts[index] ?? "" }]));
  if (lines.length === 0) return all.slice(0, codeLinesMax);
  if (lines.length <= codeLinesMax) return lines.map(({ line }) => line);
  const chosen = new Set<number>();
  for (let index = 0; index < firstLinesMax; index += 1) chosen.add(index);
  const found = lines.map(({ text }, index) => ({ index, words: distinctStems(text, stems) }));
  for (const { index, words } of found.sort((a, b) => b.words - a.words || a.index - b.index)) {
    if (words === 0 || chosen.size >= codeLinesMax) break;
    const last = Math.min(lines.length - 1, index + contextLines);
    for (let near = Math.max(0, index - contextLines); near <= last; near += 1) chosen.add(near);
  }
  // A mark takes a line itself: a gap of one is better filled.
  const shown = lines.filter((_, index) => chosen.has(index) || (chosen.has(index - 1) && chosen.has(index + 1)));
  return shown.map(({ line }) => line);
}

function distinctStems(text: string, stems: ReadonlySet<string>): number {
  const found = splitWords(text).map(stemWord);
  return new Set(found.filter((stem) => stems.has(stem))).size;
}

/** As one line of prose: Markdown of the documentation must not reach into the answer's own. */
function firstParagraph(doc: string): string {
  const paragraph = (doc.trim().split(/\n\s*\n/, 1)[0] ?? "").replace(/\s+/g, " ").replaceAll("```", "'''");
  if (paragraph.length <= docCharactersMax) return paragraph;
  return `${paragraph.slice(0, docCharactersMax).replace(/\s\S*$/, "")} …`;
}
