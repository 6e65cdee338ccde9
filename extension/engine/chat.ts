/**
 * A model's own chat format, from the template in its GGUF metadata. node-llama-cpp renders the template; what
 * surrounds the contents is found by rendering with marks in their place.
 */
import type * as NodeLlamaCpp from "node-llama-cpp";
import type { ChatFormat } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";

export interface ChatFormatSource {
  /** The GGUF file. */
  readonly modelPath: string;
  /** Text of the token that begins a sequence; empty where the model has none. */
  readonly bosText: string;
  /** True where the model wants that token in front of everything it reads. */
  readonly addBos: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads the format of the model at `modelPath`. Its texts hold control tokens as text (`<|im_start|>`) and must be
 * tokenised with specials. A model without a template, or with one that cannot be rendered, gets `plainFormat`.
 * Fails with modelMissing or modelNotGguf.
 */
export async function openChatFormat(source: ChatFormatSource): Promise<ChatFormat> {
  const llamaCpp = await import("node-llama-cpp");
  const fileInfo = await readMetadata(llamaCpp, source);
  const template = fileInfo.metadata.tokenizer.chat_template;
  if (template === undefined || template.trim() === "") return plainFormat(source);

  const parsed = parseTemplate(llamaCpp, fileInfo, template, source);
  if (parsed === null) return plainFormat(source);
  const { wrapper, parts } = parsed;
  // Whatever the template does, the model reads its first token exactly once.
  const missingBos = source.addBos && !parts.beforeSystem.startsWith(source.bosText) ? source.bosText : "";
  return {
    name: wrapper.wrapperName,
    wrap: () => ({
      beforeSystem: missingBos + parts.beforeSystem,
      between: parts.between,
      after: parts.after,
    }),
    stopStrings: parts.stopStrings,
  };
}

/** For models that were not trained on a chat format. */
export function plainFormat(source: Pick<ChatFormatSource, "bosText" | "addBos">): ChatFormat {
  return {
    name: "plain",
    wrap: () => ({
      beforeSystem: source.addBos ? source.bosText : "",
      between: "\n\n### Question\n",
      after: "\n\n### Answer\n",
    }),
    stopStrings: ["### Question", "### Answer"],
  };
}

type LlamaCpp = typeof NodeLlamaCpp;
type ChatWrapper = InstanceType<LlamaCpp["ChatWrapper"]>;
type FileInfo = Awaited<ReturnType<LlamaCpp["readGgufFileInfo"]>>;

/** The vocabulary is most of the metadata and says nothing about the format. */
const vocabularyKeys = [
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.token_type",
  "tokenizer.ggml.merges",
];

async function readMetadata(llamaCpp: LlamaCpp, source: ChatFormatSource): Promise<FileInfo> {
  try {
    return await llamaCpp.readGgufFileInfo(source.modelPath, {
      sourceType: "filesystem",
      readTensorInfo: false,
      ignoreKeys: vocabularyKeys,
      logWarnings: false,
      ...(source.signal === undefined ? {} : { signal: source.signal }),
    });
  } catch (error) {
    source.signal?.throwIfAborted();
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new Failure(missing ? "modelMissing" : "modelNotGguf", source.modelPath, { cause: error });
  }
}

interface ParsedTemplate {
  readonly wrapper: ChatWrapper;
  readonly parts: Surroundings;
}

/** The template as it is; with the system text in the user's turn; a known format that resembles it; else null. */
function parseTemplate(
  llamaCpp: LlamaCpp,
  fileInfo: FileInfo,
  template: string,
  source: ChatFormatSource,
): ParsedTemplate | null {
  const attempts: readonly (() => ChatWrapper | null)[] = [
    ...(["ifNeeded", "always"] as const).map(
      (use) => () =>
        new llamaCpp.JinjaTemplateChatWrapper({
          template,
          functionCallMessageTemplate: "noJinja",
          convertUnsupportedSystemMessagesToUserMessages: { use, format: "{{message}}" },
        }),
    ),
    () => llamaCpp.resolveChatWrapper({ fileInfo, filename: source.modelPath, warningLogs: false, noJinja: true }),
  ];
  for (const attempt of attempts) {
    const wrapper = wrapperOrNull(attempt);
    if (wrapper === null) continue;
    // A rendered template asked for its first token; a format of node-llama-cpp's own always mentions one.
    const bos = wrapper instanceof llamaCpp.JinjaTemplateChatWrapper || source.addBos ? source.bosText : "";
    const parts = surroundings(wrapper, bos, ["system", "user"]);
    if (parts !== null) return { wrapper, parts };
  }
  return null;
}

function wrapperOrNull(attempt: () => ChatWrapper | null): ChatWrapper | null {
  try {
    return attempt();
  } catch {
    // The template is not valid Jinja, or drops what it is given: the next attempt may do better.
    return null;
  }
}

interface Surroundings {
  readonly beforeSystem: string;
  readonly between: string;
  readonly after: string;
  readonly stopStrings: readonly string[];
}

/** Letters only and unlikely in a template, so that no template trims, escapes or splits them. */
const marks = { system: "PrecisSystemContentMark", user: "PrecisUserContentMark" } as const;
type Role = keyof typeof marks;

/**
 * The rendered texts around the contents of `roles` (`between` is empty for one role), or null where the template
 * fails or loses, repeats or reorders a content.
 */
function surroundings(wrapper: ChatWrapper, bos: string, roles: readonly Role[]): Surroundings | null {
  const rendered = render(wrapper, bos, roles);
  if (rendered === null) return null;
  const texts: string[] = [];
  let rest = rendered.text;
  for (const role of roles) {
    const [before, after, repeated] = rest.split(marks[role]);
    if (before === undefined || after === undefined || repeated !== undefined) return null;
    texts.push(before);
    rest = after;
  }
  if (texts.some((text) => roles.some((role) => text.includes(marks[role])))) return null;
  return {
    beforeSystem: texts[0] ?? "",
    between: texts[1] ?? "",
    // A blank at the end belongs to the first token of the answer.
    after: rest.replace(/ +$/, ""),
    stopStrings: rendered.stopStrings,
  };
}

interface Rendered {
  readonly text: string;
  readonly stopStrings: readonly string[];
}

function render(wrapper: ChatWrapper, bos: string, roles: readonly Role[]): Rendered | null {
  try {
    const state = wrapper.generateContextState({
      chatHistory: [
        ...roles.map((role) => ({ type: role, text: marks[role] })),
        { type: "model" as const, response: [""] },
      ],
    });
    const stopStrings = state.stopGenerationTriggers
      // A model may leave out the line end that the template writes behind its own stop string.
      .map((trigger) => plainText(trigger.values, "").trimEnd())
      .filter((text) => text.trim() !== "");
    return { text: plainText(state.contextText.values, bos), stopStrings: [...new Set(stopStrings)] };
  } catch {
    // A template may raise an exception of its own (`raise_exception`) for a role that it does not know.
    return null;
  }
}

type TextValues = ReturnType<ChatWrapper["generateContextState"]>["contextText"]["values"];

/** Control tokens that are named by their role come out as text: `bos` where it begins a sequence, else nothing. */
function plainText(values: TextValues, bos: string): string {
  let text = "";
  for (const value of values) {
    if (typeof value === "string") text += value;
    else if ("tokenizeSpecialTokensOnly" in value) text += value.value;
    else if (value.value === "BOS") text += bos;
    else if (value.value === "NL") text += "\n";
  }
  return text;
}
