/**
 * Messages between the extension host and the Ask view. The host owns the truth and sends it as one `ViewState`; while an
 * answer grows, it sends only what changed of the last turn. The view sends intents and keeps nothing but its draft. Both
 * sides check what they receive: the other end may be of another version after an update.
 */
import * as z from "zod/mini";
import { slashCommandNames } from "./slashCommands.ts";
import { shares, stopReasons } from "./units.ts";

// Schemas are made when they are first used (`z.lazy`): an extension that is evaluated should not pay for all of them.
// The webview's content security policy forbids `eval`, which zod would otherwise try.
z.config({ jitless: true });

export const turnPhases = ["starting", "indexing", "ranking", "fitting", "reading", "writing", "done"] as const;
/** Where an answer is. `done` covers success, Stop and failure alike. */
export type TurnPhase = (typeof turnPhases)[number];

export const failureActions = [
  "none",
  "askAgain",
  "chooseModel",
  "editQuestion",
  "openFolder",
  "openSettings",
  "reloadWindow",
  "restartEngine",
  "useCpu",
  "showLog",
] as const;
/** The one button next to a failure's sentence. */
export type FailureAction = (typeof failureActions)[number];

const count = z.int().check(z.nonnegative());

const citation = z.lazy(() =>
  z.readonly(
    z.object({
      path: z.string(),
      /** Both 0 where the whole file is meant. */
      startLine: count,
      endLine: count,
      name: z.optional(z.string()),
      resolved: z.boolean(),
    }),
  ),
);
export type CitationView = z.infer<typeof citation>;

const failure = z.lazy(() =>
  z.readonly(
    z.object({
      /** What happened and what to do, in one or two sentences. */
      sentence: z.string(),
      /** What exactly happened; may be empty. */
      detail: z.string(),
      action: z.enum(failureActions),
    }),
  ),
);
export type FailureView = z.infer<typeof failure>;

export const turnSchema = z.lazy(() =>
  z.readonly(
    z.object({
      askId: z.string(),
      /** As it was typed, command and mentions included. */
      question: z.string(),
      /** Milliseconds since 1970. */
      askedMs: count,
      command: z.nullable(z.enum(slashCommandNames)),
      phase: z.enum(turnPhases),
      /** Tokens while reading, files while indexing; `reused` tokens were already in the cache. */
      progress: z.nullable(z.readonly(z.object({ done: count, total: count, reused: count }))),
      /** The code that fits best so far, best first, until an answer is there. A later list replaces an earlier one. */
      found: z.readonly(z.array(citation)),
      /** Markdown; grows while the phase is `writing`. */
      text: z.string(),
      citations: z.readonly(z.array(citation)),
      source: z.nullable(z.enum(["assistant", "extractive"])),
      stopReason: z.nullable(z.enum(stopReasons)),
      /** One line of figures below a finished answer; empty before. */
      figures: z.string(),
      failure: z.nullable(failure),
    }),
  ),
);
export type TurnView = z.infer<typeof turnSchema>;

export const budgetShares = [...shares, "free"] as const;
/** What a part of the budget is spent on; `free` is what nothing took. */
export type BudgetShare = (typeof budgetShares)[number];

const budget = z.lazy(() =>
  z.readonly(
    z.object({
      budgetTokens: count,
      /** True where it tells of a prompt that was not sent, but would be. */
      isPreview: z.boolean(),
      /** In the prompt's order, then the answer's reserve and what is free; the tokens add up to the budget. */
      shares: z.readonly(
        z.array(z.readonly(z.object({ share: z.enum(budgetShares), label: z.string(), tokens: count }))),
      ),
    }),
  ),
);
export type BudgetView = z.infer<typeof budget>;

const historyEntry = z.lazy(() =>
  z.readonly(
    z.object({
      id: z.string(),
      title: z.string(),
      /** Milliseconds since 1970. */
      updatedMs: count,
      questions: count,
      /** True for the conversation that the view shows. */
      isOpen: z.boolean(),
    }),
  ),
);
export type HistoryEntry = z.infer<typeof historyEntry>;

const mentionPlace = z.lazy(() =>
  z.readonly(z.object({ path: z.string(), startLine: count, endLine: count, name: z.string(), isExact: z.boolean() })),
);
export type MentionPlaceView = z.infer<typeof mentionPlace>;

const viewState = z.lazy(() =>
  z.readonly(
    z.object({
      /** Name of the folder that questions are about; null where none is open. */
      folder: z.nullable(z.string()),
      /** Oldest first. At most the last one is not `done`. */
      turns: z.readonly(z.array(turnSchema)),
      /** What concerns the engine as a whole, e.g. that it was given up; null where all is well. */
      notice: z.nullable(failure),
      /** How the last prompt, or the one previewed since, fills its budget; null before there was one. */
      budget: z.nullable(budget),
      /** The workspace's conversations, last used first. */
      history: z.readonly(z.array(historyEntry)),
    }),
  ),
);
export type ViewState = z.infer<typeof viewState>;

const hostMessage = z.lazy(() =>
  z.readonly(
    z.discriminatedUnion("type", [
      z.object({ type: z.literal("state"), state: viewState }),
      /** The last turn is this one now, and all else is as before. */
      z.object({ type: z.literal("turn"), turn: turnSchema }),
      /** The last turn's text goes on with `text` behind its first `at` characters. */
      z.object({ type: z.literal("text"), askId: z.string(), at: count, text: z.string() }),
      /** Answers `findMentions`. */
      z.object({ type: z.literal("mentions"), requestId: count, places: z.readonly(z.array(mentionPlace)) }),
      /** What became of an intent that changes nothing of the state, in one sentence. */
      z.object({ type: z.literal("told"), sentence: z.string() }),
      z.object({ type: z.literal("focusQuestion") }),
      z.object({ type: z.literal("showHistory") }),
    ]),
  ),
);
/** Host → view. */
export type HostMessage = z.infer<typeof hostMessage>;

const viewIntent = z.lazy(() =>
  z.readonly(
    z.discriminatedUnion("type", [
      /**
       * The view can receive; the host answers with the state. Sent each time the view is created or shown again, and when
       * a message was missed.
       */
      z.object({ type: z.literal("ready") }),
      /** With `from`, the question takes the place of that turn and of those behind it. */
      z.object({ type: z.literal("ask"), question: z.string(), from: z.nullable(z.string()) }),
      z.object({ type: z.literal("stop") }),
      z.object({ type: z.literal("newConversation") }),
      z.object({ type: z.literal("refreshHistory") }),
      z.object({ type: z.literal("openConversation"), id: z.string() }),
      z.object({ type: z.literal("deleteConversation"), id: z.string() }),
      z.object({ type: z.literal("copy"), text: z.string() }),
      z.object({ type: z.literal("insertCode"), text: z.string() }),
      z.object({
        type: z.literal("findMentions"),
        requestId: count,
        kind: z.enum(["file", "symbol"]),
        query: z.string(),
      }),
      z.object({ type: z.literal("openCitation"), path: z.string(), startLine: count, endLine: count }),
      z.object({ type: z.literal("act"), action: z.enum(failureActions) }),
    ]),
  ),
);
/** View → host. */
export type ViewIntent = z.infer<typeof viewIntent>;

/** A message from the host, or null when it is not one of this version's. */
export function parseHostMessage(value: unknown): HostMessage | null {
  const parsed = hostMessage.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** An intent from the view, or null when it is not one of this version's. */
export function parseViewIntent(value: unknown): ViewIntent | null {
  const parsed = viewIntent.safeParse(value);
  return parsed.success ? parsed.data : null;
}
