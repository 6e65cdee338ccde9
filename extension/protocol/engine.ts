/**
 * Messages between a client (extension host or terminal program) and the engine process: JSON-RPC over the child's
 * standard input and output. `requests` go client → engine, `events` engine → client. Requests are cancelled with
 * JSON-RPC cancellation; a cancelled `ask` still resolves, with the partial answer and stopReason `cancelled`.
 * A failed request rejects with a `ResponseError` whose `data` is a `FailureData`.
 */
import type { CompleteParams, CompleterStatus, Completion } from "./complete.ts";
import type { FailureCode } from "./failure.ts";
import type { MachineMemory, ModelFit, ModelShape } from "./models.ts";
import type { Sentence } from "./sentence.ts";
import type { Device, EvictorName, RankerName } from "./settings.ts";
import type { SlashCommandName } from "./slashCommands.ts";
import type {
  Answer,
  AnswerFigures,
  ConversationTurn,
  FileProblem,
  Prompt,
  RankedUnit,
  SkippedFile,
  SkipReason,
} from "./units.ts";

/** Raised whenever a message changes shape; client and engine of different versions refuse each other. */
export const protocolVersion = 6;

export interface FailureData {
  readonly code: FailureCode;
  readonly detail: string;
}

export const gpuShares = ["all", "half", "none"] as const;
/** How much of the GPU the engine may use; a client lowers it after crashes. `none` means the CPU only. */
export type GpuShare = (typeof gpuShares)[number];

export interface HelloParams {
  readonly protocolVersion: number;
  /** Absent: `all`. */
  readonly gpu?: GpuShare;
  /** Folder for indexes and caches; created when missing. */
  readonly storageFolder: string;
  /** The engine exits when this process is gone. */
  readonly parentPid: number;
  /** Texts of the person's language by the English ones, for answers that no model writes. Absent: English. */
  readonly translations?: Readonly<Record<string, string>>;
}
export interface HelloResult {
  readonly protocolVersion: number;
  readonly engineVersion: string;
  readonly pid: number;
}

export interface OpenWorkspaceParams {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** Globs of files.exclude and search.exclude, relative to the folder. */
  readonly excludeGlobs: readonly string[];
}

export interface IndexParams {
  /** `changed`: only these paths (relative) are looked at; without it the whole folder is walked. */
  readonly changed?: readonly string[];
}
export interface IndexSummary {
  readonly files: number;
  readonly filesParsed: number;
  readonly filesRemoved: number;
  readonly units: number;
  readonly unitsPerLanguage: Readonly<Record<string, number>>;
  readonly lines: number;
  readonly bytes: number;
  readonly indexBytes: number;
  readonly ms: number;
  /** At most 1,000, by path; `skippedCounts` counts all, a skipped folder as one. */
  readonly skipped: readonly SkippedFile[];
  readonly skippedCounts: Readonly<Partial<Record<SkipReason, number>>>;
  readonly problems: readonly FileProblem[];
  /** `native` tree-sitter or `wasm`, and why. */
  readonly parser: Sentence;
}

export interface RankParams {
  readonly question: string;
  /** At most this many units, 1…1000. */
  readonly top: number;
  readonly ranker?: RankerName;
  /** Only units below this folder (relative) are ranked. */
  readonly root?: string;
}
export interface RankResult {
  readonly ranked: readonly RankedUnit[];
  readonly ranker: RankerName;
  readonly candidates: number;
  readonly ms: number;
}

export const pinReasons = ["pinned", "mentioned", "selected"] as const;
/** Why code goes along: a person pinned it, the question mentions it, or it is selected in the editor. */
export type PinReason = (typeof pinReasons)[number];

/** Code that a question takes along whatever its rank. Both lines 0: the whole file. */
export interface PinnedPlace {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly why: PinReason;
  /** The unit that was meant, where it was one: it is found by this when its lines have moved. */
  readonly qualifiedName?: string;
}

/** Tells a unit by what stays the same while its file is edited. */
export interface UnitName {
  readonly path: string;
  readonly qualifiedName: string;
}

export interface ContextParams {
  readonly question: string;
  /** 0 or absent: the settings' budget. */
  readonly budgetTokens?: number;
  readonly ranker?: RankerName;
  readonly root?: string;
  /** The file open in the editor, relative; its units get their own share. */
  readonly openFile?: string;
  /** Without places that no longer exist. Fills the share `pinned`, in this order. */
  readonly pinned?: readonly PinnedPlace[];
  /** Units that a person took out: in no share, unless they are pinned. */
  readonly dropped?: readonly UnitName[];
  /** Oldest first. A follow-up is ranked together with what it follows, and answers get a share of the prompt. */
  readonly history?: readonly ConversationTurn[];
  /** What to do about the question; absent: answer it. */
  readonly command?: SlashCommandName;
}
export interface ContextResult {
  readonly prompt: Prompt;
  /** The exact text a model reads, chat format included. */
  readonly promptText: string;
}

export interface AskParams extends ContextParams {
  /** Chosen by the client; events carry it. */
  readonly askId: string;
  /** 0 or absent: the settings' answer tokens. */
  readonly maxTokens?: number;
  readonly seed?: number;
}

export interface FindMentionsParams {
  readonly kind: "file" | "symbol";
  /** A path or qualified name, or characters of one in their order; empty: any. */
  readonly query: string;
  /** At most this many places, 1…100. */
  readonly top: number;
}

/** A file or unit that a question can mention. */
export interface MentionPlace {
  readonly path: string;
  /** Both 0 for a file. */
  readonly startLine: number;
  readonly endLine: number;
  /** The file's path, or the unit's qualified name. */
  readonly name: string;
  /** True where the query is the name itself. */
  readonly isExact: boolean;
}
export interface FindMentionsResult {
  /** Best first. */
  readonly places: readonly MentionPlace[];
  /** Why the file that the query names, or a folder around it, is not indexed; null where none is named. */
  readonly excluded: SkippedFile | null;
}

/** A device that is not used, and why. */
export interface OtherDevice {
  readonly device: Exclude<Device, "auto">;
  readonly why: Sentence;
  /** True where its driver is there, but its library is not. */
  readonly installable: boolean;
}

export interface DeviceReport {
  readonly device: Exclude<Device, "auto">;
  readonly name: string;
  /** Why this one. */
  readonly why: Sentence;
  /** The other devices of the platform, the fastest first. */
  readonly others: readonly OtherDevice[];
  /** Name and total memory of the library's devices. */
  readonly memoryBytes: number;
}

export interface FitModelsParams {
  readonly files: readonly string[];
  readonly shapes: readonly ModelShape[];
}

/** What the engine says about models and the machine it runs on. */
export interface FitReport {
  readonly device: DeviceReport;
  readonly memory: MachineMemory;
  /** In the order of the request's files; null where a file cannot be read as a GGUF model. */
  readonly files: readonly (ModelFit | null)[];
  /** In the order of the request's shapes. */
  readonly shapes: readonly ModelFit[];
}

/** The assistant's KV cache. */
export interface KvMeter {
  readonly evictor: EvictorName;
  /** 1: nothing is compressed. */
  readonly keepRatio: number;
  /** Of the context that is open, and those of them in use. */
  readonly cells: number;
  readonly cellsUsed: number;
  /** What the cells stand for. */
  readonly tokens: number;
  /** As llama.cpp allocated it now, and before the last compression. */
  readonly bytes: number;
  readonly bytesFull: number;
  /** The last prompt: tokens that were in the cache, that were loaded from disk, and that were read. */
  readonly prompt: {
    readonly tokens: number;
    readonly tokensKept: number;
    readonly tokensLoaded: number;
    readonly tokensRead: number;
    readonly loadMs: number;
  };
  /** The last compression, or the one that runs. */
  readonly compression: {
    readonly isRunning: boolean;
    readonly tokensDone: number;
    readonly tokensTotal: number;
    readonly ms: number;
  };
  /** Why this model's cache cannot be compressed; its text is empty where it can. */
  readonly uncompressedBecause: Sentence;
}

/** Stored segments. */
export interface CacheSize {
  readonly files: number;
  readonly bytes: number;
}

export interface StoredSegmentReport {
  readonly modelName: string;
  /** Where a unit stands, else what it is. */
  readonly label: string;
  readonly evictor: EvictorName;
  readonly keepRatio: number;
  readonly kvType: string;
  readonly tokens: number;
  readonly cells: number;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedMs: number;
}

export interface CacheReport {
  readonly folder: string;
  readonly bytesMax: number;
  /** Last used first. */
  readonly segments: readonly StoredSegmentReport[];
}

export interface EngineStatus {
  readonly workspace: string | null;
  readonly files: number;
  readonly units: number;
  readonly indexing: boolean;
  readonly assistant: string | null;
  /** What ranks by meaning and likelihood; null where nothing does, or before it was loaded. */
  readonly scorer: Sentence | null;
  readonly device: DeviceReport | null;
  readonly kvBytes: number;
  /** Null before an assistant was loaded. */
  readonly kv: KvMeter | null;
  /** Null before code was completed. */
  readonly completer: CompleterStatus | null;
  readonly cache: CacheSize;
  /** Of the last answer that a model wrote; null before. A prompt that was all in the cache was read at speed 0. */
  readonly speeds: Pick<AnswerFigures, "readTokensPerSecond" | "writeTokensPerSecond"> | null;
  readonly residentBytes: number;
}

/** Client → engine: name → parameters and result. */
export interface EngineRequests {
  hello: { params: HelloParams; result: HelloResult };
  /** Raw `precis.*` settings; the engine parses them and answers with the problems. */
  configure: { params: Readonly<Record<string, unknown>>; result: { readonly problems: readonly Sentence[] } };
  openWorkspace: { params: OpenWorkspaceParams; result: { readonly folder: string } };
  index: { params: IndexParams; result: IndexSummary };
  rank: { params: RankParams; result: RankResult };
  context: { params: ContextParams; result: ContextResult };
  ask: { params: AskParams; result: Answer };
  /** What a question can mention, from the index as it is. */
  findMentions: { params: FindMentionsParams; result: FindMentionsResult };
  /** Waits until what was read is compressed and stored. Cancelled, it rejects; the work goes on. */
  settle: { params: Record<string, never>; result: { readonly kv: KvMeter | null } };
  /** What is stored of KV caches, of all workspaces. */
  cacheList: { params: Record<string, never>; result: CacheReport };
  /** Deletes it; the result says what was deleted. */
  cacheClear: { params: Record<string, never>; result: CacheSize };
  /** Reads all of it and removes what is damaged. */
  cacheVerify: { params: Record<string, never>; result: CacheSize & { readonly removed: number } };
  /** Resolves with `nothing: "cancelled"` when it is cancelled or a newer one comes. */
  complete: { params: CompleteParams; result: Completion };
  /** Whether models fit this machine at the settings' context budget: files, and shapes of those not here yet. */
  fitModels: { params: FitModelsParams; result: FitReport };
  status: { params: Record<string, never>; result: EngineStatus };
  /** Heartbeat; answered at once unless the engine's event loop hangs. */
  ping: { params: Record<string, never>; result: { readonly uptimeMs: number } };
}

export const logLevels = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Engine → client: name → payload. */
export interface EngineEvents {
  indexProgress: {
    readonly filesDone: number;
    readonly filesTotal: number;
    readonly phase: "walk" | "parse" | "write";
  };
  /** The ranked units of an ask, as soon as they are known; first in a provisional order where another one follows. */
  unitsRanked: { readonly askId: string; readonly ranked: readonly RankedUnit[]; readonly isFinal: boolean };
  /** The prompt of an ask, before the model reads it. */
  promptReady: { readonly askId: string; readonly prompt: Prompt };
  readProgress: {
    readonly askId: string;
    readonly tokensDone: number;
    readonly tokensTotal: number;
    readonly tokensReused: number;
  };
  answerDelta: { readonly askId: string; readonly text: string };
  /** In idle time: a compression begins, goes on or ends. */
  kvChanged: { readonly kv: KvMeter };
  log: { readonly level: LogLevel; readonly message: string };
}

export type EngineMethod = keyof EngineRequests;
export type EngineEvent = keyof EngineEvents;
export type ParamsOf<M extends EngineMethod> = EngineRequests[M]["params"];
export type ResultOf<M extends EngineMethod> = EngineRequests[M]["result"];
