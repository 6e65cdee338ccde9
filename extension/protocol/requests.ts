import * as z from "zod";
import { completionTextLimits, completionTriggers, cursorPlaces } from "./complete.ts";
import { gpuShares, pinReasons } from "./engine.ts";
import type { EngineMethod, FailureData, ParamsOf } from "./engine.ts";
import { Failure } from "./failure.ts";
import { rankerNames } from "./settings.ts";
import { slashCommandNames } from "./slashCommands.ts";

/** The parameters of a request that came in, checked. Fails with `rankerUnknown` or `internal`. */
export function parseParams<M extends EngineMethod>(method: M, raw: unknown): ParamsOf<M> {
  const parsed = schemas[method].safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  if (place === "ranker") throw new Failure("rankerUnknown");
  throw new Failure("internal", `parameters of ${method}: ${place} ${issue?.message ?? "not valid"}`);
}

export function isEngineMethod(name: string): name is EngineMethod {
  return Object.hasOwn(schemas, name);
}

export function failureData(failure: Failure): FailureData {
  return { code: failure.code, detail: failure.detail };
}

const lineOrWhole = z.int().min(0);
const pinnedPlace = z.object({
  path: z.string().min(1),
  startLine: lineOrWhole,
  endLine: lineOrWhole,
  why: z.enum(pinReasons),
  qualifiedName: z.string().min(1).exactOptional(),
});
const unitName = z.object({ path: z.string().min(1), qualifiedName: z.string().min(1) });
const tokens = z.int().min(0).max(1_048_576);
const none = z.strictObject({});
const context = {
  question: z.string(),
  budgetTokens: tokens.exactOptional(),
  ranker: z.enum(rankerNames).exactOptional(),
  root: z.string().exactOptional(),
  openFile: z.string().exactOptional(),
  pinned: z.array(pinnedPlace).max(256).exactOptional(),
  dropped: z.array(unitName).max(1000).exactOptional(),
  history: z.array(z.object({ question: z.string(), answer: z.string() })).exactOptional(),
  command: z.enum(slashCommandNames).exactOptional(),
};

const line = z.int().min(1);
const syntax = z.object({
  place: z.enum(cursorPlaces),
  scope: z.object({ name: z.string(), startLine: line, endLine: line }).nullable(),
  block: z.object({ startLine: line, endLine: line, indent: z.string(), isOpen: z.boolean() }).nullable(),
});

const positive = z.number().positive();
const modelShape = z.object({
  bytes: positive,
  layers: z.int().min(1),
  embedding: positive,
  kvHeads: z.number().min(0),
  headSize: positive,
  valueHeadSize: positive.exactOptional(),
  vocabulary: positive,
  contextTokens: positive,
});

const schemas: { readonly [M in EngineMethod]: z.ZodType<ParamsOf<M>> } = {
  hello: z.object({
    protocolVersion: z.int(),
    gpu: z.enum(gpuShares).exactOptional(),
    storageFolder: z.string().min(1),
    parentPid: z.int().min(1),
    translations: z.record(z.string(), z.string()).exactOptional(),
  }),
  configure: z.record(z.string(), z.unknown()),
  openWorkspace: z.object({ folder: z.string().min(1), excludeGlobs: z.array(z.string()) }),
  index: z.object({ changed: z.array(z.string()).exactOptional() }),
  rank: z.object({
    question: z.string(),
    top: z.int().min(1).max(1000),
    ranker: context.ranker,
    root: context.root,
  }),
  context: z.object(context),
  ask: z.object({
    ...context,
    askId: z.string().min(1),
    maxTokens: tokens.exactOptional(),
    seed: z.int().min(0).max(0xffffffff).exactOptional(),
  }),
  findMentions: z.object({
    kind: z.enum(["file", "symbol"]),
    query: z.string().max(1000),
    top: z.int().min(1).max(100),
  }),
  settle: none,
  cacheList: none,
  cacheClear: none,
  cacheVerify: none,
  complete: z.object({
    path: z.string().nullable(),
    location: z.string().exactOptional(),
    language: z.string(),
    before: z.string().max(completionTextLimits.before),
    after: z.string().max(completionTextLimits.after),
    startLine: line,
    head: z.string().max(completionTextLimits.head).exactOptional(),
    syntax: syntax.exactOptional(),
    trigger: z.enum(completionTriggers),
    maxTokens: tokens.exactOptional(),
    maxLines: tokens.exactOptional(),
  }),
  fitModels: z.object({ files: z.array(z.string().min(1)).max(1000), shapes: z.array(modelShape).max(1000) }),
  status: none,
  ping: none,
};
