/** A conversation as it is stored and exported. */
import * as z from "zod/mini";
import { turnSchema } from "./view.ts";

const formatName = "precis-conversation";
const formatVersion = 1;
/** It is also a file's name. */
const idPattern = /^[0-9a-z-]{8,64}$/;

const conversation = z.lazy(() =>
  z.readonly(
    z.object({
      format: z.literal(formatName),
      version: z.literal(formatVersion),
      id: z.string().check(z.regex(idPattern)),
      /** Milliseconds since 1970. */
      createdMs: z.int().check(z.nonnegative()),
      updatedMs: z.int().check(z.nonnegative()),
      turns: z.readonly(z.array(turnSchema)),
    }),
  ),
);
export type StoredConversation = z.infer<typeof conversation>;

/** What was stored, or null where it is damaged, of another version or something else. */
export function parseConversation(json: string): StoredConversation | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const parsed = conversation.safeParse(value);
  return parsed.success ? parsed.data : null;
}

export function isConversationId(id: string): boolean {
  return idPattern.test(id);
}

export function conversationJson(content: Omit<StoredConversation, "format" | "version">): string {
  const { id, createdMs, updatedMs, turns } = content;
  const whole: StoredConversation = { format: formatName, version: formatVersion, id, createdMs, updatedMs, turns };
  return `${JSON.stringify(whole, null, 1)}\n`;
}

const titleCharactersMax = 80;

/** The first question in one line. */
export function conversationTitle({ turns }: Pick<StoredConversation, "turns">): string {
  const line = (turns[0]?.question ?? "").replace(/\s+/g, " ").trim();
  const characters = Array.from(line);
  return characters.length <= titleCharactersMax ? line : `${characters.slice(0, titleCharactersMax - 1).join("")}…`;
}
