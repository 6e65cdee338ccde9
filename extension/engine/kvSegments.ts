/** The segments of one prompt, and the keys under which their caches are stored. */
import { createHash } from "node:crypto";
import type { NativeKvType } from "../../native/addon.ts";
import { keptCellsOf } from "../pipeline/evictSegments.ts";
import type { PromptSegmentKind } from "../pipeline/promptSegments.ts";
import type { EvictorName } from "../protocol/settings.ts";

/** A run of a prompt's tokens whose cache is kept together. */
export interface TokenSegment {
  readonly kind: PromptSegmentKind;
  /** Positions; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** How what was read is kept. */
export interface KvRecipe {
  readonly evictor: EvictorName;
  /** Share of the cells of a segment that stays. */
  readonly keepRatio: number;
}

/**
 * Where a unit stands in another prompt, it follows other code. Its first tokens are read there, so that what comes
 * before them is seen; the others are attached as they were (EPIC, arXiv 2410.15332).
 */
export const linkTokens = 8;
/** A unit of fewer tokens is read as quickly as it is attached. */
const unitTokensMin = 4 * linkTokens;

/** True where nothing is lost: everything stays, and is used again only behind exactly what it was read behind. */
export function isExact({ evictor, keepRatio }: KvRecipe): boolean {
  return keepRatio >= 1 || evictor === "none";
}

/** Equal for recipes that give the same cells. */
export function recipeName(recipe: KvRecipe): string {
  return isExact(recipe) ? "whole" : `${recipe.evictor} ${recipe.keepRatio}`;
}

/** Tokens at the beginning of a segment that are read wherever it is attached. */
export function linkOf({ kind }: TokenSegment, recipe: KvRecipe): number {
  return kind === "unit" && !isExact(recipe) ? linkTokens : 0;
}

/** Whether a segment gets a cache of its own on disk. */
export function isStorable({ kind, from, to }: TokenSegment): boolean {
  return kind !== "loose" && (kind !== "unit" || to - from >= unitTokensMin);
}

/** Whether cells of the segment go. Instructions stay whole. */
export function isCompressible(segment: TokenSegment, recipe: KvRecipe): boolean {
  if (segment.kind === "instructions" || isExact(recipe) || !isStorable(segment)) return false;
  const tokens = segment.to - segment.from;
  return keptCellsOf(tokens, recipe.keepRatio, linkOf(segment, recipe)) < tokens;
}

/**
 * Where a segment's cache is stored. A unit's is found behind any units, as long as the prompt begins with the same
 * instructions and digest; any other segment's, and every segment's of an exact recipe, behind the same tokens only.
 *
 * @param tokens the prompt; `segments` are its segments, one of which is `segment`
 * @param contextType KV type in which an exact recipe stores
 */
export function segmentKey(
  segment: TokenSegment,
  prompt: { readonly tokens: Int32Array; readonly segments: readonly TokenSegment[] },
  { recipe, contextType }: { readonly recipe: KvRecipe; readonly contextType: NativeKvType },
): string {
  const { tokens } = prompt;
  const exact = isExact(recipe);
  const isFree = segment.kind === "unit" && !exact;
  const before = isFree ? prefixEnd(prompt.segments) : segment.from;
  return JSON.stringify([
    segment.kind === "instructions" || exact ? "whole" : recipeName(recipe),
    exact ? contextType : "",
    isFree ? `free, link ${linkTokens}` : "behind",
    hashOf(tokens.subarray(0, before)),
    hashOf(tokens.subarray(segment.from, segment.to)),
  ]);
}

/** Behind the last of the segments that begin every prompt of a repository. */
function prefixEnd(segments: readonly TokenSegment[]): number {
  let end = 0;
  for (const { kind, to } of segments) {
    if (kind !== "instructions" && kind !== "digest") break;
    end = to;
  }
  return end;
}

function hashOf(tokens: Int32Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
}
