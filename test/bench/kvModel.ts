/** A model with a context that answers from given cells, and what the KV benchmark asks of both. */
import type { NativeAddon, NativeContext, NativeKvState, NativeModel } from "../../native/addon.ts";
import type { EvictSegment } from "../../extension/pipeline/evictSegments.ts";
import { pinnedTokens } from "../../extension/pipeline/evictPins.ts";
import { joined } from "./codeModel.ts";
import type { KvCase } from "./kvCases.ts";
import { FullDistributions, type Divergence } from "./kvDivergence.ts";

/** Tokens to read behind the context; from `first` on, each is to be predicted. */
export interface Probe {
  readonly kind: "text" | KvCase["questions"][number]["kind"];
  readonly tokens: Int32Array;
  readonly first: number;
  readonly depth: number;
}

/** A case in the model's tokens. */
export interface ReadCase {
  readonly path: string;
  readonly tokens: Int32Array;
  readonly segments: readonly EvictSegment[];
  readonly probes: readonly Probe[];
}

/** What the full cache says to one probe. */
export interface ProbeReference {
  readonly probe: Probe;
  readonly full: FullDistributions;
}

export interface ProbeOutcome {
  readonly probe: Probe;
  readonly divergence: Divergence;
}

export class KvModel {
  readonly addon: NativeAddon;
  readonly model: NativeModel;
  readonly #separator: Int32Array;
  readonly #start: Int32Array;

  constructor(addon: NativeAddon, model: NativeModel) {
    this.addon = addon;
    this.model = model;
    const separator = model.tokenize("<|file_sep|>", { special: true });
    // A model without the token would read its text.
    this.#separator = separator.length === 1 ? separator : new Int32Array(0);
    const { bos } = model.info.tokens;
    this.#start = model.info.addBos && bos >= 0 ? Int32Array.of(bos) : new Int32Array(0);
  }

  /** With pins where `isPinned`. The headings that tell files apart belong to the instructions. */
  readCase(source: KvCase, { isPinned, textTokens }: { isPinned: boolean; textTokens: number }): ReadCase {
    const parts: Int32Array[] = [];
    const segments: EvictSegment[] = [];
    let from = 0;
    for (const { kind, text, pins } of source.pieces) {
      const own = this.#tokenize(text);
      const tokens =
        kind === "instructions" ? joined([this.#start, this.#heading("NOTES"), own, this.#heading(source.path)]) : own;
      const to = from + tokens.length;
      segments.push({
        ...{ kind, from, to },
        ...(isPinned && pins.length > 0 ? { pins: pinnedTokens(pins, { text, tokenBytes: this.#bytes(own) }) } : {}),
      });
      parts.push(tokens);
      from = to;
    }
    const probes = source.questions.map(({ kind, cue, answer, depth }): Probe => {
      const tokens = this.#tokenize(`${cue}${answer}`);
      return { kind, tokens, first: this.#tokenAt(tokens, Buffer.byteLength(cue, "utf8")), depth };
    });
    const text = this.#tokenize(source.continuation).subarray(0, textTokens);
    return {
      path: source.path,
      tokens: joined(parts),
      segments,
      probes: [{ kind: "text", tokens: text, first: 1, depth: 1 }, ...probes],
    };
  }

  /** Asks every probe of what the context holds now; nothing stays of them. */
  async ask(context: NativeContext, probes: readonly Probe[]): Promise<ProbeReference[]> {
    const references: ProbeReference[] = [];
    for (const probe of probes) {
      const values = await this.#distributions(context, probe);
      references.push({ probe, full: new FullDistributions(values, probe.tokens.slice(probe.first)) });
    }
    return references;
  }

  /** How far the context's answers are from the full cache's. */
  async compare(context: NativeContext, references: readonly ProbeReference[]): Promise<ProbeOutcome[]> {
    const outcomes: ProbeOutcome[] = [];
    for (const { probe, full } of references) {
      outcomes.push({ probe, divergence: full.against(await this.#distributions(context, probe)) });
    }
    return outcomes;
  }

  /** Makes the context hold exactly this state. */
  async hold(context: NativeContext, state: NativeKvState): Promise<void> {
    context.clear();
    await context.attachState(0, state);
  }

  /** From the row that predicts the first target on. */
  async #distributions(context: NativeContext, { tokens, first }: Probe): Promise<Float32Array> {
    const rows = await context.distributions(0, tokens.slice(0, -1));
    return rows.subarray((first - 1) * this.model.info.vocabulary);
  }

  #heading(path: string): Int32Array {
    return joined([this.#separator, this.#tokenize(`${path}\n`)]);
  }

  #tokenize(text: string): Int32Array {
    return text === "" ? new Int32Array(0) : this.model.tokenize(text, { special: false });
  }

  #bytes(tokens: Int32Array): number[] {
    return Array.from(tokens, (token) => this.model.detokenize(Int32Array.of(token), { special: false }).length);
  }

  /** The token that holds this byte; at least the second one, since the first is not predicted. */
  #tokenAt(tokens: Int32Array, byte: number): number {
    let end = 0;
    const at = this.#bytes(tokens).findIndex((length) => (end += length) > byte);
    return Math.max(1, at);
  }
}
