import { compressors } from "../pipeline/compress.ts";
import { relatedUnits } from "../pipeline/compressRelated.ts";
import { rankedText } from "../pipeline/followUp.ts";
import type { Grammar, RankTools } from "../pipeline/ports.ts";
import { digestText } from "../pipeline/digest.ts";
import { isTakenOut, pinnedCode } from "../pipeline/pinnedCode.ts";
import { buildPrompt } from "../pipeline/prompt.ts";
import type { BudgetShares } from "../pipeline/prompt.ts";
import { UnitSyntax } from "../pipeline/pruneSyntax.ts";
import { rankers } from "../pipeline/rank.ts";
import type { AskParams, ContextParams, EngineEvent, EngineEvents } from "../protocol/engine.ts";
import { toFailure } from "../protocol/failure.ts";
import type { RankerName } from "../protocol/settings.ts";
import { instructedQuestion } from "../protocol/slashCommands.ts";
import type { Answer, Prompt, RankedUnit } from "../protocol/units.ts";
import { AnswerDraft } from "./answerDraft.ts";
import type { PlaceSource } from "./places.ts";
import type { Reader } from "./reader.ts";
import { StageTimes } from "./stageTimes.ts";

/** Units that are ranked for a prompt; more would not fit into the largest budget at any useful fidelity. */
const rankedUnitsMax = 200;

/** What the flow works with; the engine opens it. */
export interface AnswerParts {
  readonly ranker: RankerName;
  /** Workspace files → units: brings the index up to date. */
  readonly updateIndex: (signal: AbortSignal) => Promise<PlaceSource>;
  readonly rankTools: (source: PlaceSource, signal: AbortSignal) => Promise<RankTools>;
  readonly openReader: (signal: AbortSignal) => Promise<Reader>;
  readonly shares: BudgetShares;
  /** Line comment of a language. */
  readonly omission: (language: string) => string;
  /** Opens grammars; what comes back gives null for a language that has none. */
  readonly openGrammars: (languages: ReadonlySet<string>) => Promise<(language: string) => Grammar | null>;
  readonly emit: <E extends EngineEvent>(event: E, payload: EngineEvents[E]) => void;
}

/**
 * The whole way: workspace files → units → ranked units → prompt → KV cache → answer. Cancelled at any point, it
 * resolves with what there is and the stop reason `cancelled`; other failures reject.
 */
export async function answerQuestion(ask: AskParams, parts: AnswerParts, signal: AbortSignal): Promise<Answer> {
  const { askId } = ask;
  const { emit } = parts;
  const times = new StageTimes();
  const draft = new AnswerDraft(ask.question);
  try {
    const source = await times.measure("indexMs", () => parts.updateIndex(signal));
    const onProvisional = (first: readonly RankedUnit[]): void => {
      emit("unitsRanked", { askId, ranked: withoutTakenOut(first, ask), isFinal: false });
    };
    const ranked = await times.measure("rankMs", () => rankForPrompt(ask, { source, parts, signal, onProvisional }));
    const offered = withoutTakenOut(ranked, ask);
    emit("unitsRanked", { askId, ranked: offered, isFinal: true });
    const reader = await times.measure("loadMs", () => parts.openReader(signal));
    const prompt = await times.measure("promptMs", () => composePrompt(ask, { source, ranked, reader, parts }));
    emit("promptReady", { askId, prompt });
    draft.begin(prompt, reader);
    const onProgress = (tokensDone: number, tokensReused: number): void => {
      emit("readProgress", { askId, tokensDone, tokensTotal: prompt.tokensSent, tokensReused });
    };
    draft.hasRead(await times.measure("readMs", () => reader.read(prompt, { signal, onProgress })));
    const pinned = pinnedCode(ask.pinned ?? [], source.unitsOfFile.bind(source)).units.map(({ unit }) => unit);
    const material = { prompt, pinned, ranked: offered, omission: parts.omission };
    const writing = reader.write({ ...material, seed: ask.seed, signal });
    await times.measure("writeMs", () =>
      draft.collect(writing, (text) => {
        emit("answerDelta", { askId, text });
      }),
    );
    draft.cite(reader.cite(draft.text, { ...material, source }));
  } catch (thrown) {
    // The draft says `cancelled` until a reader has said otherwise.
    if (toFailure(thrown).code !== "cancelled") throw thrown;
  }
  return draft.finish(times);
}

/** The best units for a question, best first. `onProvisional`: as in `RankTools`. */
export async function rankForPrompt(
  { question, history = [], root = "" }: ContextParams,
  {
    source,
    parts,
    signal,
    onProvisional,
  }: {
    readonly source: PlaceSource;
    readonly parts: AnswerParts;
    readonly signal: AbortSignal;
    readonly onProvisional?: NonNullable<RankTools["onProvisional"]>;
  },
): Promise<readonly RankedUnit[]> {
  const given = await parts.rankTools(source, signal);
  const tools = onProvisional === undefined ? given : { ...given, onProvisional };
  const { ranked } = await rankers[parts.ranker](
    { question: rankedText(question, history), purpose: "prompt", root, top: rankedUnitsMax },
    tools,
  );
  return ranked;
}

/** What the model will read. Fails with `budgetTooSmall` or `questionTooLong`. */
export async function composePrompt(
  { question, command, history = [], openFile, pinned: places = [], dropped = [] }: ContextParams,
  material: { source: PlaceSource; ranked: readonly RankedUnit[]; reader: Reader; parts: AnswerParts },
): Promise<Prompt> {
  const { source, ranked, reader, parts } = material;
  const pinned = pinnedCode(places, source.unitsOfFile.bind(source));
  const openFileUnits = openFile === undefined ? [] : source.unitsOfFile(openFile);
  const related = relatedUnits(withoutTakenOut(ranked, { dropped }), source);
  const ofPins = pinned.units.map(({ unit }) => unit);
  const shown = [...ofPins, ...ranked.map(({ unit }) => unit), ...openFileUnits, ...related];
  const grammarOf = await parts.openGrammars(new Set(shown.map(({ language }) => language)));
  const isOut = isTakenOut(dropped);
  const digest = { counter: reader.counter, budgetTokens: reader.digestTokens, isLeftOut: isOut };
  return buildPrompt({
    ...reader.budget,
    shares: parts.shares,
    // An instruction for a model would only mislead a search.
    question: reader.source === "assistant" ? instructedQuestion(question, command) : question,
    history,
    ranked,
    related,
    compressor: compressors.knapsack,
    syntax: new UnitSyntax(grammarOf, parts.omission),
    ...(reader.digestTokens === 0 ? {} : { digest: digestText(source, digest) }),
    counter: reader.counter,
    chat: reader.chat,
    omission: parts.omission,
    openFileUnits,
    pinned,
    isTakenOut: isOut,
  });
}

/** What a person took out is neither sent nor, without an assistant, shown. */
function withoutTakenOut(
  ranked: readonly RankedUnit[],
  { dropped = [] }: Pick<ContextParams, "dropped">,
): readonly RankedUnit[] {
  const isOut = isTakenOut(dropped);
  return dropped.length === 0 ? ranked : ranked.filter(({ unit }) => !isOut(unit));
}
