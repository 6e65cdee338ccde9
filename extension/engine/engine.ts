import { mkdir } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { untilAborted } from "../base/abortable.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import type { Grammar, RankTools } from "../pipeline/ports.ts";
import { promptText } from "../pipeline/prompt.ts";
import { rankers } from "../pipeline/rank.ts";
import { protocolVersion } from "../protocol/engine.ts";
import type {
  AskParams,
  CacheReport,
  ContextParams,
  ContextResult,
  EngineEvent,
  EngineEvents,
  EngineMethod,
  EngineStatus,
  FindMentionsParams,
  FindMentionsResult,
  FitModelsParams,
  FitReport,
  HelloParams,
  HelloResult,
  IndexParams,
  IndexSummary,
  KvMeter,
  LogLevel,
  ParamsOf,
  RankParams,
  RankResult,
  ResultOf,
} from "../protocol/engine.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { defaultSettings, parseSettings } from "../protocol/settings.ts";
import type { RankerName, Settings } from "../protocol/settings.ts";
import type { Answer } from "../protocol/units.ts";
import { slashCommands } from "../protocol/slashCommands.ts";
import { answerQuestion, composePrompt, rankForPrompt } from "./answer.ts";
import type { AnswerParts } from "./answer.ts";
import { AnswerDraft } from "./answerDraft.ts";
import { checkQuestion, trimmedRoot, usesLikelihood, usesMeaning } from "./asked.ts";
import { Completions } from "./completions.ts";
import { openGrammars } from "./grammars.ts";
import type { Grammars } from "./grammars.ts";
import { IndexedWorkspace } from "./indexedWorkspace.ts";
import { clearSegments, listSegments, measureSegments, verifySegments } from "./kvStore.ts";
import { findMentions } from "./mentions.ts";
import { fitModels } from "./modelFit.ts";
import { Models } from "./models.ts";
import type { PlaceSource } from "./places.ts";
import { openReader } from "./reader.ts";
import { readableIndex } from "./readableIndex.ts";
import { StageTimes } from "./stageTimes.ts";

export interface EngineOptions {
  /** Package root. */
  readonly root: string;
  readonly version: string;
  readonly emit: <E extends EngineEvent>(event: E, payload: EngineEvents[E]) => void;
  readonly onHello: (hello: HelloParams) => void;
}

type Handlers = { readonly [M in EngineMethod]: (params: ParamsOf<M>, signal: AbortSignal) => Promise<ResultOf<M>> };

interface Opened {
  readonly storageFolder: string;
  readonly translations: Readonly<Record<string, string>>;
  readonly models: Models;
  readonly completions: Completions;
}

/**
 * What the engine process does: owns settings, workspace, index and models, and answers requests. Requests run
 * concurrently, except that index updates run one after another, and so do `context` and `ask`, which share the
 * assistant's session: a second question waits for the first (cancel the first to go ahead).
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #startMs = performance.now();
  readonly #asks = new SerialQueue();
  readonly #closing = new AbortController();
  #settings: Settings = defaultSettings;
  #opened: Opened | null = null;
  #workspace: IndexedWorkspace | null = null;
  #grammars: Promise<Grammars> | null = null;
  #speeds: EngineStatus["speeds"] = null;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Answers one request whose parameters were parsed. Rejects with a Failure, or what `toFailure` makes one. */
  handle<M extends EngineMethod>(method: M, params: ParamsOf<M>, signal: AbortSignal): Promise<ResultOf<M>> {
    return this.#handlers[method](params, AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Stops everything and frees it. */
  async close(): Promise<void> {
    this.#closing.abort(new Failure("cancelled", "the engine ends"));
    await this.#asks.idle();
    // Completions may share a model, so their context goes first.
    await this.#opened?.completions.close();
    await this.#workspace?.close();
    await this.#opened?.models.close();
  }

  readonly #handlers: Handlers = {
    hello: (params) => this.#hello(params),
    configure: (params) => Promise.resolve(this.#configure(params)),
    openWorkspace: (params) => this.#openWorkspace(params.folder, params.excludeGlobs),
    index: (params, signal) => this.#index(params, signal),
    rank: (params, signal) => this.#rank(params, signal),
    context: (params, signal) => this.#context(params, signal),
    ask: (params, signal) => this.#ask(params, signal),
    findMentions: (params, signal) => this.#findMentions(params, signal),
    settle: (_, signal) => this.#settle(signal),
    cacheList: () => this.#cacheList(),
    cacheClear: () => clearSegments(this.#greeted().models.kvDisk.folder),
    cacheVerify: () => verifySegments(this.#greeted().models.kvDisk.folder, Date.now()),
    complete: (params, signal) => this.#greeted().completions.complete(params, signal),
    fitModels: (params) => this.#fitModels(params),
    status: () => this.#status(),
    ping: () => Promise.resolve({ uptimeMs: performance.now() - this.#startMs }),
  };

  async #hello(params: HelloParams): Promise<HelloResult> {
    if (params.protocolVersion !== protocolVersion) {
      throw new Failure("protocolMismatch", `client ${params.protocolVersion}, engine ${protocolVersion}`);
    }
    const { storageFolder, translations = {} } = params;
    if (!isAbsolute(storageFolder)) throw new Failure("indexUnwritable", `${storageFolder} is not an absolute path`);
    await makeFolder(storageFolder);
    const shared = {
      root: this.#options.root,
      settings: () => this.#settings,
      log: (level: LogLevel, message: string) => {
        this.#log(level, message);
      },
    };
    const models = new Models({
      ...shared,
      gpu: params.gpu ?? "all",
      storageFolder,
      onKvChanged: (kv) => {
        this.#options.emit("kvChanged", { kv });
      },
    });
    const completions = new Completions({
      ...shared,
      models,
      grammars: () => this.#grammarsOnce(),
      index: (mayWait, signal) => readableIndex(this.#workspace, mayWait, signal),
    });
    this.#opened = { storageFolder, translations, models, completions };
    this.#options.onHello(params);
    return { protocolVersion, engineVersion: this.#options.version, pid: process.pid };
  }

  #configure(raw: Readonly<Record<string, unknown>>): ResultOf<"configure"> {
    const { settings, problems } = parseSettings(raw);
    const before = this.#settings;
    this.#settings = settings;
    const keys = ["index.ignoreGlobs", "index.maxFileKiB"] as const;
    if (keys.some((key) => JSON.stringify(before[key]) !== JSON.stringify(settings[key]))) {
      this.#workspace?.markOutdated();
    }
    return { problems };
  }

  async #openWorkspace(folder: string, excludeGlobs: readonly string[]): Promise<{ folder: string }> {
    const { storageFolder, models } = this.#greeted();
    await this.#workspace?.close();
    this.#workspace = null;
    const workspace = await IndexedWorkspace.open({
      storageFolder,
      folder,
      root: this.#options.root,
      updateOptions: async () => ({
        excludeGlobs,
        ignoreGlobs: this.#settings["index.ignoreGlobs"],
        maxFileBytes: this.#settings["index.maxFileKiB"] * 1024,
        encoder: await models.encoder(),
      }),
      onProgress: (progress) => {
        this.#options.emit("indexProgress", progress);
      },
    });
    this.#workspace = workspace;
    const { folder: realFolder, rebuiltBecause } = workspace.index;
    if (rebuiltBecause !== null) this.#log("info", `The index is built anew: ${rebuiltBecause}`);
    return { folder: realFolder };
  }

  async #index(params: IndexParams, signal: AbortSignal): Promise<IndexSummary> {
    const summary = await this.#openFolder().update({ ...params, signal });
    // Whoever indexes ahead of a question wants its answer soon: the scorer loads in the background. Where it cannot,
    // the question says so.
    if (!this.#closing.signal.aborted && usesLikelihood(this.#settings["ranking.ranker"])) {
      void Promise.allSettled([this.#greeted().models.likelihood()]);
    }
    return summary;
  }

  async #rank(params: RankParams, signal: AbortSignal): Promise<RankResult> {
    checkQuestion(params.question);
    const workspace = this.#openFolder();
    await workspace.ensureUpdated(signal);
    const startMs = performance.now();
    const ranker = params.ranker ?? this.#settings["ranking.ranker"];
    const { question, top } = params;
    const tools = await this.#rankTools(ranker, workspace.index, signal);
    const { ranked, candidates } = await rankers[ranker](
      { question, purpose: "list", top, root: trimmedRoot(params.root) },
      tools,
    );
    return { ranked, ranker, candidates, ms: performance.now() - startMs };
  }

  async #context(asked: ContextParams, signal: AbortSignal): Promise<ContextResult> {
    checkQuestion(asked.question);
    const params = { ...asked, root: trimmedRoot(asked.root) };
    const parts = await this.#answerParts(params, { maxTokens: 0, readsNothing: true });
    const context = this.#asks.run(async () => {
      const source = await parts.updateIndex(signal);
      const ranked = await rankForPrompt(params, { source, parts, signal });
      const reader = await parts.openReader(signal);
      const prompt = await composePrompt(params, { source, ranked, reader, parts });
      return { prompt, promptText: promptText(prompt) };
    });
    return untilAborted(context, signal);
  }

  async #ask(asked: AskParams, signal: AbortSignal): Promise<Answer> {
    checkQuestion(asked.question);
    const params = { ...asked, root: trimmedRoot(asked.root) };
    const parts = await this.#answerParts(params, { maxTokens: params.maxTokens ?? 0, readsNothing: false });
    const { models } = this.#greeted();
    models.wake();
    const turn = Promise.withResolvers<undefined>();
    const answered = this.#asks.run(async () => {
      turn.resolve(undefined);
      const answer = await answerQuestion(params, parts, signal);
      const { tokensWritten, readTokensPerSecond, writeTokensPerSecond } = answer.figures;
      if (tokensWritten > 0) this.#speeds = { readTokensPerSecond, writeTokensPerSecond };
      return answer;
    });
    const rest = (): void => {
      if (this.#asks.length === 0 && !this.#closing.signal.aborted) models.rest();
    };
    void answered.then(rest, rest);
    try {
      await untilAborted(turn.promise, signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      // Cancelled while it waited for its turn; when that comes, it is over at once.
      return new AnswerDraft(params.question).finish(new StageTimes());
    }
    return answered;
  }

  async #findMentions(params: FindMentionsParams, signal: AbortSignal): Promise<FindMentionsResult> {
    const workspace = this.#openFolder();
    await workspace.ensureIndexed(signal);
    return findMentions(params, workspace.index);
  }

  async #answerParts(
    params: ContextParams,
    wanted: { readonly maxTokens: number; readonly readsNothing: boolean },
  ): Promise<AnswerParts> {
    const { models, translations } = this.#greeted();
    const workspace = this.#openFolder();
    const isSearch = params.command !== undefined && slashCommands[params.command].answers === "places";
    if (!isSearch) await models.checkAssistant();
    const settings = this.#settings;
    const ranker = params.ranker ?? settings["ranking.ranker"];
    const lineComments = await this.#readLineComments();
    return {
      ranker,
      updateIndex: async (signal) => {
        await workspace.ensureUpdated(signal);
        return workspace.index;
      },
      rankTools: (source, signal) => this.#rankTools(ranker, source, signal),
      openReader: (signal) =>
        openReader(models, {
          budgetTokens: params.budgetTokens ?? 0,
          ...wanted,
          settings,
          isSearch,
          translations,
          signal,
        }),
      shares: {
        openFile: settings["budget.openFilePercent"] / 100,
        history: settings["budget.historyPercent"] / 100,
      },
      omission: (language) => lineComments.get(language) ?? "",
      openGrammars: (languages) => this.#openGrammars(languages),
      emit: this.#options.emit,
    };
  }

  async #rankTools(ranker: RankerName, source: PlaceSource, signal: AbortSignal): Promise<RankTools> {
    const { models } = this.#greeted();
    return {
      source,
      encoder: usesMeaning(ranker) ? await untilAborted(models.encoder(), signal) : null,
      likelihood: usesLikelihood(ranker) ? await untilAborted(models.likelihood(), signal) : null,
      signal,
    };
  }

  async #settle(signal: AbortSignal): Promise<{ readonly kv: KvMeter | null }> {
    const { models } = this.#greeted();
    await models.settled(signal);
    return { kv: models.kv };
  }

  async #cacheList(): Promise<CacheReport> {
    const { folder, bytesMax } = this.#greeted().models.kvDisk;
    return { folder, bytesMax, segments: await listSegments(folder) };
  }

  async #fitModels(params: FitModelsParams): Promise<FitReport> {
    return fitModels(params, await this.#greeted().models.llama(), this.#settings);
  }

  async #status(): Promise<EngineStatus> {
    const models = this.#opened?.models;
    const cache = models === undefined ? { files: 0, bytes: 0 } : await measureSegments(models.kvDisk.folder);
    const counts = this.#workspace?.index.counts();
    return {
      workspace: this.#workspace?.index.folder ?? null,
      files: counts?.files ?? 0,
      units: counts?.units ?? 0,
      indexing: this.#workspace?.isIndexing ?? false,
      assistant: models?.assistantPath ?? null,
      scorer: models?.scorers ?? null,
      device: models?.device ?? null,
      kvBytes: (models?.kvBytes ?? 0) + (this.#opened?.completions.status?.kvBytes ?? 0),
      kv: models?.kv ?? null,
      completer: this.#opened?.completions.status ?? null,
      cache,
      speeds: this.#speeds,
      residentBytes: process.memoryUsage.rss(),
    };
  }

  async #readLineComments(): Promise<ReadonlyMap<string, string>> {
    const { languages } = await this.#grammarsOnce();
    return new Map(languages.map(({ id, lineComment }) => [id, lineComment]));
  }

  /** A grammar that does not load is as good as none: then nobody checks what is left of a unit, and the log says so. */
  async #openGrammars(languages: ReadonlySet<string>): Promise<(language: string) => Grammar | null> {
    const grammars = await this.#grammarsOnce();
    const opened = new Map<string, Grammar>();
    for (const { id } of grammars.languages.filter((language) => languages.has(language.id))) {
      try {
        opened.set(id, await grammars.grammar(id));
      } catch (error) {
        this.#log("warning", `Pruned ${id} code is not checked by its grammar: ${toFailure(error).message}`);
      }
    }
    return (language) => opened.get(language) ?? null;
  }

  #grammarsOnce(): Promise<Grammars> {
    this.#grammars ??= openGrammars({ root: this.#options.root });
    return this.#grammars;
  }

  #greeted(): Opened {
    if (this.#opened === null) throw new Failure("internal", "hello comes first");
    return this.#opened;
  }

  #openFolder(): IndexedWorkspace {
    if (this.#workspace === null) throw new Failure("workspaceMissing", "no folder is open");
    return this.#workspace;
  }

  #log(level: LogLevel, message: string): void {
    this.#options.emit("log", { level, message });
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new Failure("indexUnwritable", error instanceof Error ? error.message : folder, { cause: error });
  }
}
