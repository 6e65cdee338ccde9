import { access } from "node:fs/promises";
import { join } from "node:path";
import { SerialQueue } from "../base/serialQueue.ts";
import type { TokenCounter } from "../pipeline/ports.ts";
import type { DeviceReport, GpuShare, KvMeter, LogLevel } from "../protocol/engine.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { english, sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Settings } from "../protocol/settings.ts";
import { openCodeModel } from "./codeModel.ts";
import type { OpenedCodeModel } from "./codeModel.ts";
import { openLikelihoodScorer } from "./likelihood.ts";
import type { OpenedLikelihoodScorer } from "./likelihood.ts";
import { runtimesFolder } from "../protocol/models.ts";
import { deviceLabels } from "./deviceChoice.ts";
import { openLlama } from "./llama.ts";
import { gpuLayersFor } from "./modelFit.ts";
import type { Llama } from "./llama.ts";
import { readModelHeader } from "./modelHeader.ts";
import type { ModelHeader } from "./modelHeader.ts";
import { Session } from "./session.ts";
import type { KvPolicy } from "./session.ts";
import { loadStaticTable } from "./staticTable.ts";
import type { TableEncoder } from "./staticTable.ts";

export interface ModelsOptions {
  /** Package root. */
  readonly root: string;
  readonly gpu: GpuShare;
  /** Where what scorer and assistant read is kept; created when missing. */
  readonly storageFolder: string;
  /** Read whenever something is opened. */
  readonly settings: () => Settings;
  readonly log: (level: LogLevel, message: string) => void;
  /** As in `SessionOptions`. */
  readonly onKvChanged?: (kv: KvMeter) => void;
}

const bytesPerGiB = 1024 ** 3;
const cpuBecauseOfClient = sentence(
  "The CPU is used until the engine is restarted: it was asked for, or the GPU failed before.",
);
/** Where no tokenizer can be loaded at all. */
const charactersPerToken = 4;

interface OpenScorer {
  /** The chosen file; empty: the embedded one. */
  readonly file: string;
  readonly scorer: OpenedLikelihoodScorer | null;
}

interface OpenAssistant {
  readonly key: string;
  readonly contextTokens: number;
  readonly session: Promise<Session>;
}

/**
 * The models of this process. Each is opened at first use, once. The embedded scorers are optional: without them
 * ranking does with less, and the log and `scorers` say so. A chosen model is not: its failures are the caller's.
 */
export class Models {
  readonly #options: ModelsOptions;
  readonly #assistantQueue = new SerialQueue();
  readonly #scorerQueue = new SerialQueue();
  #llama: Promise<Llama> | null = null;
  #encoder: Promise<TableEncoder | null> | null = null;
  #likelihood: OpenScorer | null = null;
  #code: Promise<OpenedCodeModel | null> | null = null;
  #assistant: OpenAssistant | null = null;
  #device: DeviceReport | null = null;
  #session: Session | null = null;
  #hasEncoder = false;

  constructor(options: ModelsOptions) {
    this.#options = options;
  }

  /** The device in use; null before a model was opened. */
  get device(): DeviceReport | null {
    return this.#device;
  }

  /** Bytes of the assistant's KV cache. */
  get kvBytes(): number {
    return this.#session?.kvBytes ?? 0;
  }

  /** The assistant's KV cache; null before one was loaded. */
  get kv(): KvMeter | null {
    return this.#session?.kv ?? null;
  }

  /** Where segments of the KV cache are stored, and how many bytes they may take. */
  get kvDisk(): { readonly folder: string; readonly bytesMax: number } {
    const { storageFolder, settings } = this.#options;
    return { folder: join(storageFolder, "kv"), bytesMax: Math.floor(settings()["kv.diskLimitGiB"] * bytesPerGiB) };
  }

  /** A question comes: the assistant is there for it at once. */
  wake(): void {
    this.#session?.wake();
  }

  /** No question waits: the assistant may compress and store what it has read. */
  rest(): void {
    this.#session?.rest();
  }

  /** Resolves when the assistant has nothing to do in idle time any more. */
  async settled(signal: AbortSignal): Promise<void> {
    await this.#session?.settled(signal);
  }

  /** Which scorers are loaded; null before that, or where none could be. */
  get scorers(): Sentence | null {
    const { file = "", scorer = null } = this.#likelihood ?? {};
    if (scorer === null) return this.#hasEncoder ? sentence("static table") : null;
    if (!this.#hasEncoder)
      return file === "" ? sentence("likelihood model") : sentence("likelihood model {0}", scorer.name);
    return file === "" ? sentence("static table and likelihood model") : sentence("static table and {0}", scorer.name);
  }

  /** Path of the assistant model in the settings, or null. */
  get assistantPath(): string | null {
    const path = this.#options.settings()["model.assistant"];
    return path === "" ? null : path;
  }

  /** The static table, or null where it cannot be loaded. */
  encoder(): Promise<TableEncoder | null> {
    this.#encoder ??= this.#optional(
      () => loadStaticTable(join(this.#options.root, "models", "scorer", "static.bin")),
      "Ranking goes on without the static table",
    ).then((encoder) => {
      this.#hasEncoder = encoder !== null;
      return encoder;
    });
    return this.#encoder;
  }

  /**
   * The scorer of the settings. The embedded one is null where it or the native engine cannot be loaded; with a chosen
   * one, a failure is the caller's.
   */
  likelihood(): Promise<OpenedLikelihoodScorer | null> {
    return this.#scorerQueue.run(async () => {
      const file = this.#options.settings()["model.scorer"];
      if (this.#likelihood?.file === file) return this.#likelihood.scorer;
      await this.#closeScorer();
      const open = () => this.#openScorer(file);
      const scorer = await (file === ""
        ? this.#optional(open, "Ranking goes on without the likelihood model")
        : open());
      this.#likelihood = { file, scorer };
      return scorer;
    });
  }

  /** The embedded code model, or null where it or the native engine cannot be loaded. */
  code(): Promise<OpenedCodeModel | null> {
    const open = async () => openCodeModel({ llama: await this.llama(), root: this.#options.root });
    this.#code ??= this.#optional(open, "Tokens are estimated without the code model");
    return this.#code;
  }

  /** Counts tokens where there is no assistant: with the code model's tokenizer, or by length where that is missing. */
  async counter(): Promise<TokenCounter> {
    const code = await this.code();
    return code?.counter ?? { name: `1 token per ${charactersPerToken} characters (estimate)`, count: estimateTokens };
  }

  /** llama.cpp for the device of the settings. Fails as `openLlama` does; a later call tries again. */
  llama(): Promise<Llama> {
    const { root, gpu, settings, storageFolder, log } = this.#options;
    this.#llama ??= openLlama({
      root,
      device: settings()["engine.device"],
      runtimes: runtimesFolder(storageFolder),
      cpuBecause: gpu === "none" ? cpuBecauseOfClient : null,
      // llama.cpp writes hundreds of lines per model and warns of much that is no concern of a user; its errors come
      // with a failure of their own.
      onLog: (level, message) => {
        if (level === "error") log("info", `llama.cpp: ${message.trimEnd()}`);
        else if (level === "warning") log("debug", `llama.cpp: ${message.trimEnd()}`);
      },
    }).then(
      (llama) => {
        this.#device = llama.report;
        const others = llama.report.others.map(({ device, why }) => `${deviceLabels[device]}: ${english(why)}`);
        log("info", [`Device: ${llama.report.name}. ${english(llama.report.why)}`, ...others].join(" "));
        return llama;
      },
      (error: unknown) => {
        this.#llama = null;
        throw error;
      },
    );
    return this.#llama;
  }

  /** Fails with `modelMissing` where an assistant is chosen whose file is not there, before any work is done for it. */
  async checkAssistant(): Promise<void> {
    const path = this.assistantPath;
    if (path === null) return;
    try {
      await access(path);
    } catch (error) {
      throw new Failure("modelMissing", path, { cause: error });
    }
  }

  /** What the assistant's file says about it; null without an assistant, or where the file cannot be read. */
  async assistantHeader(): Promise<ModelHeader | null> {
    const path = this.assistantPath;
    return path === null ? null : readModelHeader(path);
  }

  /**
   * The assistant's session, with room for at least `contextTokens`. The one that is open is used again unless it is
   * too small or other settings apply; what it has read is found on disk then. Who reads nothing is content with any
   * size. Fails as `Session.open` does.
   */
  async assistant(path: string, contextTokens: number, readsNothing: boolean): Promise<Session> {
    const session = await this.#openedAssistant(path, contextTokens, readsNothing);
    await session.setPolicy(this.#kvPolicy());
    return session;
  }

  #openedAssistant(path: string, contextTokens: number, anySize: boolean): Promise<Session> {
    return this.#assistantQueue.run(async () => {
      const settings = this.#options.settings();
      const key = JSON.stringify([path, settings["engine.threads"], settings["engine.kvType"]]);
      const open = this.#assistant;
      if (open !== null && open.key === key && (anySize || open.contextTokens >= contextTokens)) return open.session;
      await this.#closeAssistant();
      const session = this.#openAssistant(path, contextTokens, settings);
      this.#assistant = { key, contextTokens, session };
      try {
        this.#session = await session;
        return this.#session;
      } catch (error) {
        this.#assistant = null;
        throw error;
      }
    });
  }

  /** Frees everything; what runs fails with `cancelled`. */
  async close(): Promise<void> {
    await this.#assistantQueue.run(() => this.#closeAssistant());
    await this.#scorerQueue.run(() => this.#closeScorer());
    await (await this.#code)?.close();
  }

  async #openScorer(file: string): Promise<OpenedLikelihoodScorer> {
    const { root, settings, storageFolder, log } = this.#options;
    return openLikelihoodScorer({
      llama: await this.llama(),
      root,
      file,
      threads: settings()["engine.threads"],
      states: {
        folder: join(storageFolder, "scorer"),
        onProblem: (message) => {
          log("warning", message);
        },
      },
    });
  }

  async #closeScorer(): Promise<void> {
    const open = this.#likelihood;
    this.#likelihood = null;
    await open?.scorer?.close();
  }

  async #openAssistant(modelPath: string, contextTokens: number, settings: Settings): Promise<Session> {
    const llama = await this.llama();
    const { log, onKvChanged, gpu } = this.#options;
    const kvType = settings["engine.kvType"];
    const gpuLayers = await gpuLayersFor({ file: modelPath, contextTokens, kvType, gpu }, llama);
    return Session.open({
      llama,
      modelPath,
      contextTokens,
      threads: settings["engine.threads"],
      kvType,
      gpuLayers,
      log,
      ...(onKvChanged === undefined ? {} : { onKvChanged }),
    });
  }

  #kvPolicy(): KvPolicy {
    const settings = this.#options.settings();
    const disk = this.kvDisk;
    return {
      recipe: { evictor: settings["kv.evictor"], keepRatio: settings["kv.keepRatio"] },
      disk: disk.bytesMax > 0 ? disk : null,
    };
  }

  async #closeAssistant(): Promise<void> {
    const session = this.#session;
    this.#assistant = null;
    this.#session = null;
    await session?.close();
  }

  async #optional<T>(open: () => Promise<T>, without: string): Promise<T | null> {
    try {
      return await open();
    } catch (error) {
      const failure = toFailure(error);
      this.#options.log("warning", `${without}: ${failure.code}: ${failure.message}`);
      return null;
    }
  }
}

function estimateTokens(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}
