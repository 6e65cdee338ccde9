import type { TokenSegment } from "../../extension/engine/kvSegments.ts";
import type { Session } from "../../extension/engine/session.ts";
import type { PromptTokens } from "../../extension/engine/sessionCache.ts";
import type { PromptPiece, UnitReference } from "../../extension/protocol/units.ts";

/** What a prompt for tests is made of: instructions, a digest, units by their texts, and a question. */
export interface TestPrompt {
  readonly digest?: string;
  readonly units: readonly string[];
  readonly question: string;
}

export function promptPieces({ digest, units, question }: TestPrompt): PromptPiece[] {
  const plain = (share: PromptPiece["share"], text: string): PromptPiece => ({
    ...{ share, text },
    ...{ tokensRaw: 0, tokensSent: 0, reasons: [] },
  });
  return [
    plain("system", "You answer questions about a code repository. You see excerpts of its files.\n"),
    ...(digest === undefined ? [] : [plain("digest", digest)]),
    plain("retrieved", "# Code of the repository\n\n"),
    ...units.map((text, at) => ({ ...plain("retrieved", text), unit: unitReference(at) })),
    plain("question", `# Question\n\n${question}\n`),
  ];
}

/** The prompt as `Session.read` takes it. */
export function promptTokens(session: Session, prompt: TestPrompt): PromptTokens {
  return session.promptTokens({ pieces: promptPieces(prompt) });
}

export function segmentsOf({ segments }: PromptTokens, kind: TokenSegment["kind"]): readonly TokenSegment[] {
  return segments.filter((segment) => segment.kind === kind);
}

/** A unit of about `words` × 4 tokens whose text depends on its seed. */
export function unitText(seed: number, words = 60): string {
  const lines = Array.from({ length: words }, (_, at) => `  call${(at * 37 + seed * 101) % 997}();`);
  return `### src/unit${seed}.ts:1-${words}\n\`\`\`typescript\nfunction unit${seed}() {\n${lines.join("\n")}\n}\n\`\`\`\n\n`;
}

function unitReference(at: number): UnitReference {
  const name = `unit${at}`;
  return {
    id: `${name}.ts#0`,
    path: `src/${name}.ts`,
    kind: "function",
    name,
    qualifiedName: name,
    startLine: 1,
    endLine: 9,
  };
}
