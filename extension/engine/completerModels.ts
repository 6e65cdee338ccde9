/** Which model completes code, opened at first use. */
import path from "node:path";
import { SerialQueue } from "../base/serialQueue.ts";
import { fillInFormat, noFillIn } from "../pipeline/fillInFormat.ts";
import type { LogLevel } from "../protocol/engine.ts";
import type { Settings } from "../protocol/settings.ts";
import { codeModelFile } from "./codeModel.ts";
import { Completer } from "./completer.ts";
import { readFillInHeader } from "./fillInHeader.ts";
import type { Models } from "./models.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface CompleterModelsOptions {
  /** Package root. */
  readonly root: string;
  readonly models: Models;
  /** Read at every request. */
  readonly settings: () => Settings;
  readonly log: (level: LogLevel, message: string) => void;
}

/** What `model.completer` says when nothing shall complete. */
export const noCompleter = "none";
/** Room beside the prompt for tokens of odd tokenizers and for what is written. */
const spareTokens = 32;

export class CompleterModels {
  readonly #options: CompleterModelsOptions;
  readonly #queue = new SerialQueue();
  #key = "";
  #completer: Completer | null = null;

  constructor(options: CompleterModelsOptions) {
    this.#options = options;
  }

  /** The completer that is open; null before the first request, and where there is none. */
  get opened(): Completer | null {
    return this.#completer;
  }

  /**
   * The completer of the settings; null where there is none. A chosen file that cannot be loaded fails as
   * `Session.open` does; the embedded model, when it cannot be loaded, is as good as none, and the log says so.
   */
  open(): Promise<Completer | null> {
    return this.#queue.run(async () => {
      const settings = this.#options.settings();
      const key = JSON.stringify(
        (
          [
            "model.completer",
            "model.assistant",
            "complete.budgetTokens",
            "complete.maxTokens",
            "engine.threads",
            "engine.kvType",
          ] as const
        ).map((name) => settings[name]),
      );
      if (this.#key === key) return this.#completer;
      await this.#close();
      this.#completer = await this.#openFor(settings);
      this.#key = key;
      return this.#completer;
    });
  }

  /** Frees the completer; what it does fails with cancelled. */
  async close(): Promise<void> {
    await this.#queue.run(() => this.#close());
  }

  async #openFor(settings: Settings): Promise<Completer | null> {
    const chosen = settings["model.completer"];
    if (chosen === noCompleter) return null;
    if (chosen !== "") return this.#openFile(chosen, "completer", settings);
    const assistant = settings["model.assistant"];
    if (assistant !== "" && (await canFillIn(assistant))) return this.#openFile(assistant, "assistant", settings);
    return this.#openEmbedded(settings);
  }

  /**
   * The file is loaded once more where the assistant is the same: on a CPU both share its pages, on a GPU they do not.
   */
  async #openFile(file: string, role: "assistant" | "completer", settings: Settings): Promise<Completer> {
    const llama = await this.#options.models.llama();
    try {
      const model = await llama.addon.openModel({ path: file, gpuLayers: llama.gpuLayers });
      const closeModel = () => model.close();
      const header = await readFillInHeader(file).catch(async (error: unknown) => {
        await closeModel();
        throw error;
      });
      return await Completer.open({ ...sizes(settings), model, name: path.basename(file), role, header, closeModel });
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  /** Shares the model that counts tokens where there is no assistant. */
  async #openEmbedded(settings: Settings): Promise<Completer | null> {
    const code = await this.#options.models.code();
    if (code === null) return null;
    try {
      const header = await readFillInHeader(codeModelFile(this.#options.root));
      return await Completer.open({
        ...sizes(settings),
        model: code.model,
        name: "code model",
        role: "embedded",
        // Without the key it was trained before it learned to look at what follows the cursor.
        header: { ...header, declared: header.declared ?? noFillIn },
        closeModel: () => Promise.resolve(),
      });
    } catch (error) {
      const failure = nativeFailure(error);
      this.#options.log("warning", `Code is not completed: ${failure.code}: ${failure.message}`);
      return null;
    }
  }

  async #close(): Promise<void> {
    const open = this.#completer;
    this.#completer = null;
    this.#key = "";
    await open?.close();
  }
}

function sizes(settings: Settings): Pick<Parameters<typeof Completer.open>[0], "contextTokens" | "threads" | "kvType"> {
  return {
    contextTokens: settings["complete.budgetTokens"] + settings["complete.maxTokens"] + spareTokens,
    threads: settings["engine.threads"],
    kvType: settings["engine.kvType"],
  };
}

/** False where the file cannot be read: loading it for an answer will tell why. */
async function canFillIn(file: string): Promise<boolean> {
  try {
    return fillInFormat({ ...(await readFillInHeader(file)), bos: -1 }).order !== "prefix-only";
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
