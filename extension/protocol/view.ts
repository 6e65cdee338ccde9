/**
 * Messages between the extension host and the Ask view. The host owns the truth and sends it whole, as one `ViewState`
 * each time; the view sends intents and keeps nothing but its draft. Both sides check what they receive: the other end
 * may be of another version after an update.
 */
import * as z from "zod/mini";
import { stopReasons } from "./units.ts";

// The webview's content security policy forbids `eval`, which zod would otherwise try.
z.config({ jitless: true });

export const turnPhases = ["starting", "indexing", "ranking", "fitting", "reading", "writing", "done"] as const;
/** Where an answer is. `done` covers success, Stop and failure alike. */
export type TurnPhase = (typeof turnPhases)[number];

export const failureActions = [
  "none",
  "askAgain",
  "chooseModel",
  "openFolder",
  "openSettings",
  "reloadWindow",
  "restartEngine",
  "showLog",
] as const;
/** The one button next to a failure's sentence. */
export type FailureAction = (typeof failureActions)[number];

const count = z.int().check(z.nonnegative());

const citation = z.readonly(
  z.object({
    path: z.string(),
    /** Both 0 where the whole file is meant. */
    startLine: count,
    endLine: count,
    name: z.optional(z.string()),
    resolved: z.boolean(),
  }),
);
export type CitationView = z.infer<typeof citation>;

const failure = z.readonly(
  z.object({
    /** What happened and what to do, in one or two sentences. */
    sentence: z.string(),
    /** What exactly happened; may be empty. */
    detail: z.string(),
    action: z.enum(failureActions),
  }),
);
export type FailureView = z.infer<typeof failure>;

const turn = z.readonly(
  z.object({
    askId: z.string(),
    question: z.string(),
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
);
export type TurnView = z.infer<typeof turn>;

const viewState = z.readonly(
  z.object({
    /** Name of the folder that questions are about; null where none is open. */
    folder: z.nullable(z.string()),
    /** Oldest first. At most the last one is not `done`. */
    turns: z.readonly(z.array(turn)),
    /** What concerns the engine as a whole, e.g. that it was given up; null where all is well. */
    notice: z.nullable(failure),
  }),
);
export type ViewState = z.infer<typeof viewState>;

const hostMessage = z.readonly(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("state"), state: viewState }),
    z.object({ type: z.literal("focusQuestion") }),
  ]),
);
/** Host → view. */
export type HostMessage = z.infer<typeof hostMessage>;

const viewIntent = z.readonly(
  z.discriminatedUnion("type", [
    /** The view can receive; the host answers with the state. Sent each time the view is created or shown again. */
    z.object({ type: z.literal("ready") }),
    z.object({ type: z.literal("ask"), question: z.string() }),
    z.object({ type: z.literal("stop") }),
    z.object({ type: z.literal("clear") }),
    z.object({ type: z.literal("openCitation"), path: z.string(), startLine: count, endLine: count }),
    z.object({ type: z.literal("act"), action: z.enum(failureActions) }),
  ]),
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
