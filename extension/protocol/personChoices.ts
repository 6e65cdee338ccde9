/** What a person pinned and took out, as it is stored for a workspace. */
import * as z from "zod/mini";
import { pinReasons } from "./engine.ts";
import type { PinnedPlace, UnitName } from "./engine.ts";

/** Code that goes along with every question, and units that stay out. */
export interface PersonChoices {
  readonly pinned: readonly PinnedPlace[];
  readonly dropped: readonly UnitName[];
}

export const noChoices: PersonChoices = { pinned: [], dropped: [] };

/** More are refused: a prompt has no room for them, and a message would grow without end. */
export const choicesMax = { pinned: 50, dropped: 500 } as const;

const line = z.int().check(z.nonnegative());
const name = z.string().check(z.minLength(1));
const schema = z.lazy(() =>
  z.object({
    pinned: z.array(
      z.object({
        path: name,
        startLine: line,
        endLine: line,
        why: z.enum(pinReasons),
        qualifiedName: z.exactOptional(name),
      }),
    ),
    dropped: z.array(z.object({ path: name, qualifiedName: name })),
  }),
);

/** What was stored; nothing where it is not of this version. */
export function parseChoices(value: unknown): PersonChoices {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return noChoices;
  const { pinned, dropped } = parsed.data;
  return { pinned: pinned.slice(0, choicesMax.pinned), dropped: dropped.slice(0, choicesMax.dropped) };
}
