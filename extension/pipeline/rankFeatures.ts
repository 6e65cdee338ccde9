/**
 * What speaks for a unit, as numbers: one row of features per candidate. They say nothing about how much each counts
 * (rankWeights.ts does), and hold no knowledge of a certain repository, language or benchmark.
 */
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Unit } from "../protocol/units.ts";
import { bagCounts, bm25, fileScores, lengthShare, meanWeightedLength } from "./bm25.ts";
import type { Candidates, Term } from "./candidates.ts";
import { type FileLinks, fileLinks } from "./fileLinks.ts";
import { holdsLine, isSameFile } from "./namedPlaces.ts";
import { pathKind } from "./pathKinds.ts";
import type { ReferenceGraph } from "./ports.ts";
import type { Identifier, Question } from "./question.ts";
import { tellingReasons } from "./relevance.ts";
import { stemWord } from "./stem.ts";
import { stemHash } from "./wordBags.ts";
import { splitWords } from "./words.ts";

export const featureNames = [
  /** BM25 of the unit, 0…1: the best candidate has 1. */
  "unitText",
  /** BM25 of its file, the same way. */
  "fileText",
  /** Share of the question, by rarity, that the file's name says: 0…1. */
  "fileName",
  /** 1 where the question has every word of the file's name. */
  "wholeFileName",
  /** Share of the question that the innermost folder's name says. */
  "folderName",
  /** Share of the question that the unit's name says, times the share of the name that the question says. */
  "unitName",
  /** How exactly the unit is what the question names: 0 not, up to 2.5 for a symbol question's type. */
  "definition",
  /** 1 for functions and methods. */
  "callable",
  /** 1 where the question names the file by its path. */
  "namedFile",
  /** 1 where the question names one of the unit's lines, as a stack trace does. */
  "namedLine",
  /** 1 for units that mention a name whose uses are asked for. */
  "usesNamed",
  /** Rank received over references from what the words found: 0…1. */
  "references",
  /** log(1 + other files that mention something of this file). */
  "usedBy",
  /** log(1 + mentions of other files in this one, by weight). */
  "uses",
  /** Cosine of question and unit by the static table, −1…1; 0 where one of them has no known word. */
  "closeness",
  /** Cosine of question and file by the static table. */
  "fileCloseness",
  /** 1 for tests that the question does not ask for. */
  "tests",
  /** 1 for examples, documentation, vendored and generated files that the question does not ask for. */
  "aside",
  /** 1 for files of a kind that the question asks for, e.g. tests. */
  "wantedKind",
  /** 1 in `v3/` beside `v4/`, in `legacy/` and the like, unless the question names it. */
  "superseded",
  /** 1 in files of declarations: C headers, `.d.ts`, `.pyi`. */
  "declarations",
  /** 1 in folders of types and interfaces. */
  "types",
] as const;
export type Feature = (typeof featureNames)[number];
export type FeatureRow = Readonly<Record<Feature, number>>;

/** The features of one candidate, and what to say about those that a person understands. */
export interface Featured {
  readonly unit: Unit;
  readonly values: FeatureRow;
  /** Made when asked for: only the units that are shown need their reasons in words. Null: there is nothing to say. */
  readonly reasons: () => Readonly<Partial<Record<Feature, Sentence | null>>>;
}

/** A type stands for more than a function of the same name, and `Helpers` is not `helpers`. */
const typeExactness = 0.25;
const caseExactness = 0.25;
const reasonWordsMax = 4;

/** One row per candidate, in the candidates' order. */
export function featuresOf(candidates: Candidates, graph: ReferenceGraph): Featured[] {
  const texts = new TextMatches(candidates);
  const files = new FileMatches(candidates, fileLinks(graph));
  const unitById = new Map(candidates.units.map((unit) => [unit.id, unit]));
  return candidates.units.map((unit, place) => {
    const text = texts.of(unit, place);
    const file = files.of(unit.path);
    const name = nameMatch(unit, candidates);
    const definition = definitionMatch(unit, candidates.question);
    const line = namedLine(unit, candidates.question);
    const used = usedName(unit, candidates.question);
    const received = candidates.references.get(unit.id);
    const from = received === undefined ? undefined : unitById.get(received.from);
    const { staticScores } = candidates;
    return {
      unit,
      values: {
        unitText: text.unit,
        fileText: text.file,
        ...file.values,
        unitName: name,
        definition,
        callable: unit.kind === "function" || unit.kind === "method" ? 1 : 0,
        namedLine: line === null ? 0 : 1,
        usesNamed: used === null ? 0 : 1,
        references: received?.value ?? 0,
        closeness: staticScores?.closeness(unit.id) ?? 0,
        fileCloseness: staticScores?.fileCloseness(unit.id) ?? 0,
      },
      reasons: () => ({
        unitText: texts.reason(place),
        ...file.reasons(),
        definition: definition > 0 ? sentence(tellingReasons.definition, unit.qualifiedName) : null,
        unitName: sentence("name matches"),
        namedLine: line === null ? null : sentence("the question names line {0}", line),
        usesNamed: used === null ? null : sentence("uses `{0}`", used),
        references: from === undefined ? null : sentence("used by `{0}`", from.qualifiedName),
      }),
    };
  });
}

/** BM25 of units and of their files. */
class TextMatches {
  readonly #terms: readonly Term[];
  readonly #counts: readonly Float64Array[];
  readonly #own: readonly number[];
  readonly #byFile: ReadonlyMap<string, number>;
  readonly #ownBest: number;
  readonly #fileBest: number;

  constructor({ terms, units, wordBags, statistics }: Candidates) {
    const idfs = terms.map((term) => term.idf);
    const hashes = terms.map((term) => stemHash(term.stem));
    const found = wordBags.map((bag, place) => ({ path: units[place]?.path ?? "", counts: bagCounts(bag, hashes) }));
    const mean = meanWeightedLength(statistics);
    this.#terms = terms;
    this.#counts = found.map(({ counts }) => counts.counts);
    this.#own = found.map(({ counts }) => bm25(idfs, counts, mean, lengthShare));
    this.#byFile = fileScores(idfs, found);
    this.#ownBest = Math.max(Number.MIN_VALUE, ...this.#own);
    this.#fileBest = Math.max(Number.MIN_VALUE, ...this.#byFile.values());
  }

  of(unit: Unit, place: number): { readonly unit: number; readonly file: number } {
    return {
      unit: (this.#own[place] ?? 0) / this.#ownBest,
      file: (this.#byFile.get(unit.path) ?? 0) / this.#fileBest,
    };
  }

  reason(place: number): Sentence | null {
    const counts = this.#counts[place];
    return mentionReason(this.#terms.filter((_, term) => (counts?.[term] ?? 0) > 0));
  }
}

function mentionReason(mentioned: readonly Term[]): Sentence | null {
  const words = mentioned.map((term) => term.word);
  // `renderunit` says nothing beside `render` and `unit`.
  const isJoined = (word: string) =>
    words.some((part) => part !== word && word.startsWith(part)) &&
    words.some((part) => part !== word && word.endsWith(part));
  const rarest = [...mentioned].sort((a, b) => b.idf - a.idf).filter((term) => !isJoined(term.word));
  if (rarest.length === 0) return null;
  const shown = rarest.slice(0, reasonWordsMax).map((term) => term.word);
  return sentence("mentions {0}", shown.join(", "));
}

type FileFeature =
  | "fileName"
  | "wholeFileName"
  | "folderName"
  | "namedFile"
  | "usedBy"
  | "uses"
  | "tests"
  | "aside"
  | "wantedKind"
  | "superseded"
  | "declarations"
  | "types";

interface FileMatch {
  readonly values: Readonly<Record<FileFeature, number>>;
  readonly reasons: () => Readonly<Partial<Record<FileFeature, Sentence | null>>>;
}

const declarationFile = /\.(?:h|hh|hpp|hxx|pyi|d\.[cm]?ts)$/i;
const typesFolder = /(?:^|\/)(?:types?|typings|interfaces?|public)(?:\/|\.\w+$)/i;
const outdatedFolder = /(?:^|\/)_?(legacy|deprecated|compat|old)(?:\/|\.\w+$)/i;
const versionFolder = /^(.*?)(?:^|\/)v(\d+)\//i;

/** What a file's path and its place in the repository say; computed once per path. */
class FileMatches {
  readonly #terms: readonly Term[];
  readonly #question: Question;
  readonly #links: FileLinks;
  /** Highest `v<number>` folder among the candidates, by the folder that it lies in. */
  readonly #versions = new Map<string, number>();
  readonly #known = new Map<string, FileMatch>();

  constructor({ terms, question, units }: Candidates, links: FileLinks) {
    this.#terms = terms;
    this.#question = question;
    this.#links = links;
    for (const { path } of units) {
      const [, parent = "", version = "0"] = versionFolder.exec(path) ?? [];
      this.#versions.set(parent, Math.max(this.#versions.get(parent) ?? 0, Number(version)));
    }
  }

  of(path: string): FileMatch {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const match = this.#match(path);
    this.#known.set(path, match);
    return match;
  }

  #match(path: string): FileMatch {
    const folders = path.split("/");
    const name = (folders.pop() ?? "").replace(/\.\w+$/, "");
    const file = matchName(name, this.#terms);
    const folder = matchName(folders.at(-1) ?? "", this.#terms);
    const named = namedPath(path, this.#question);
    const kind = pathKind(path);
    const isAside = kind !== null && !this.#question.wants.has(kind);
    const { referringFiles, mentions } = this.#links.of(path);
    return {
      values: {
        fileName: file.shareOfQuestion,
        wholeFileName: file.shareOfName === 1 ? 1 : 0,
        folderName: folder.shareOfQuestion,
        namedFile: named === "" ? 0 : 1,
        usedBy: Math.log1p(referringFiles),
        uses: Math.log1p(mentions),
        tests: isAside && kind === "tests" ? 1 : 0,
        aside: isAside && kind !== "tests" ? 1 : 0,
        wantedKind: kind !== null && !isAside ? 1 : 0,
        superseded: this.#isSuperseded(path) ? 1 : 0,
        declarations: declarationFile.test(path) ? 1 : 0,
        types: typesFolder.test(path) ? 1 : 0,
      },
      reasons: () => ({
        fileName: sentence("file name matches `{0}`", file.words.join(" ")),
        folderName: sentence("folder name matches `{0}`", folder.words.join(" ")),
        namedFile: sentence("the question names `{0}`", named),
        usedBy: referringFiles === 1 ? sentence("used by 1 file") : sentence("used by {0} files", referringFiles),
        tests: sentence(asideReasons.tests),
        aside: kind === null ? null : sentence(asideReasons[kind]),
        superseded: sentence("ranked lower: an older version"),
      }),
    };
  }

  #isSuperseded(path: string): boolean {
    const text = this.#question.text.toLowerCase();
    const outdated = outdatedFolder.exec(path)?.[1]?.toLowerCase();
    if (outdated !== undefined && !text.includes(outdated)) return true;
    const [, parent = "", version] = versionFolder.exec(path) ?? [];
    if (version === undefined || Number(version) >= (this.#versions.get(parent) ?? 0)) return false;
    return !new RegExp(`\\bv${version}\\b`).test(text);
  }
}

const asideReasons = {
  tests: "ranked lower: a test",
  examples: "ranked lower: an example",
  docs: "ranked lower: documentation",
  vendored: "ranked lower: vendored code",
  generated: "ranked lower: generated code",
} as const;

interface NameMatch {
  readonly words: readonly string[];
  readonly shareOfQuestion: number;
  readonly shareOfName: number;
}

function matchName(name: string, terms: readonly Term[]): NameMatch {
  const nameWords = splitWords(name);
  const stems = nameWords.map(stemWord);
  const matched = terms.filter((term) => stems.includes(term.stem));
  const asked = new Set(matched.map((term) => term.stem));
  const total = terms.reduce((sum, term) => sum + term.idf, 0);
  const said = matched.reduce((sum, term) => sum + term.idf, 0);
  return {
    words: matched.map((term) => term.word),
    shareOfQuestion: total === 0 ? 0 : said / total,
    shareOfName: shareOf(nameWords, (word) => asked.has(stemWord(word))),
  };
}

/** Share of a name's words. `splitWords` puts the joined name behind its parts; it stands for all of them. */
function shareOf(words: readonly string[], isAsked: (word: string) => boolean): number {
  const last = words.at(-1) ?? "";
  const parts = words.slice(0, -1);
  const isJoined = parts.length > 1 && parts.join("") === last;
  if (isJoined && isAsked(last)) return 1;
  const counted = isJoined ? parts : words;
  return counted.length === 0 ? 0 : counted.filter(isAsked).length / counted.length;
}

/** Who asks for the uses of something knows its definition: its name and being it count for nothing then. */
function isKnown(unit: Unit, { asksForUses, identifiers }: Question): boolean {
  return asksForUses && identifiers.some(({ name }) => name.toLowerCase() === unit.name.toLowerCase());
}

function nameMatch(unit: Unit, { terms, question }: Candidates): number {
  if (unit.kind === "header" || unit.kind === "file" || isKnown(unit, question)) return 0;
  const { shareOfQuestion, shareOfName } = matchName(unit.name, terms);
  return shareOfQuestion * shareOfName;
}

function definitionMatch(unit: Unit, question: Question): number {
  if (unit.kind === "header" || unit.kind === "file" || isKnown(unit, question)) return 0;
  const isType = ["class", "interface", "type", "enum", "module"].includes(unit.kind);
  let best = 0;
  for (const identifier of question.identifiers) {
    if (identifier.name.toLowerCase() !== unit.name.toLowerCase()) continue;
    const certain = question.isSymbol ? 1.5 : identifier.certain ? 1 : 0;
    const qualified = qualifiedFits(unit, identifier) ? 0.5 : 0;
    const exact = certain + qualified;
    if (exact === 0) continue;
    const sameCase = identifier.name === unit.name ? caseExactness : 0;
    best = Math.max(best, exact + sameCase + (isType ? typeExactness : 0));
  }
  return best;
}

/** `a.Router.handle` and `Router.handle` fit the unit `Router.handle`; a plain name has nothing to fit. */
function qualifiedFits(unit: Unit, identifier: Identifier): boolean {
  if (identifier.qualified === identifier.name) return false;
  const asked = `.${identifier.qualified.toLowerCase()}`;
  const has = `.${unit.qualifiedName.toLowerCase()}`;
  return has.endsWith(asked) || (asked.endsWith(has) && has.indexOf(".", 1) > 0);
}

/** The line of a stack trace or message that lies in the unit; null where none does. */
function namedLine(unit: Unit, { lines }: Question): number | null {
  return lines.find(({ path, line }) => isSameFile(unit.path, path) && holdsLine(unit, line))?.line ?? null;
}

/** The name of the question that the unit mentions and does not define itself; null where its uses are not asked for. */
function usedName(unit: Unit, { asksForUses, identifiers }: Question): string | null {
  if (!asksForUses) return null;
  const asked = identifiers.filter(({ certain, name }) => certain && name !== unit.name);
  return asked.find(({ name }) => unit.references.some((reference) => reference.name === name))?.name ?? null;
}

/** The path of the question that this file is; empty where it names another or none. */
function namedPath(path: string, question: Question): string {
  const withoutExtension = path.replace(/\.\w+$/, "");
  return question.paths.find((asked) => isSameFile(path, asked) || isSameFile(withoutExtension, asked)) ?? "";
}
