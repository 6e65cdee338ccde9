/** NDCG@10 of ranked code, over chunk lists as the published figures are made, and over lists of distinct files. */
import type { LineRange } from "../../extension/protocol/units.ts";

/** A file, or lines of one, that answers a question. Paths are relative to the repository. */
export interface Target {
  readonly path: string;
  /** Null: any line of the file. */
  readonly lines: LineRange | null;
}

/** A piece of code in a ranking. */
export interface Chunk {
  readonly path: string;
  /** The lines it is made of. */
  readonly ranges: readonly LineRange[];
}

/** Places that count. */
export const placesMax = 10;

/**
 * Of the first ten chunks: each target has gain 1 at the place of the first chunk that has its path and, where the
 * target has lines, overlaps them. Ideal: all targets at the top, ten at most. Two targets in one chunk both count at
 * its place, as in the published figures, so the value can exceed 1. 0 where there is no target.
 */
export function chunkNdcg(ranked: readonly Chunk[], targets: readonly Target[]): number {
  const first = ranked.slice(0, placesMax);
  return gain(
    targets.map((target) => first.findIndex((chunk) => isHit(chunk, target))),
    targets.length,
  );
}

/** Of the first ten distinct files; the lines of targets do not matter, and two targets in one file are one. */
export function fileNdcg(ranked: readonly { readonly path: string }[], targets: readonly Target[]): number {
  const files = [...new Set(ranked.map((chunk) => chunk.path))].slice(0, placesMax);
  const wanted = [...new Set(targets.map((target) => target.path))];
  return gain(
    wanted.map((path) => files.indexOf(path)),
    wanted.length,
  );
}

/** 1 over the place (from 1) of the first chunk that is any target; 0 where none is. */
export function reciprocalRank(ranked: readonly Chunk[], targets: readonly Target[]): number {
  const place = ranked.findIndex((chunk) => targets.some((target) => isHit(chunk, target)));
  return place < 0 ? 0 : 1 / (place + 1);
}

/** Share of the targets that the first ten chunks hold. */
export function recallAmongFirst(ranked: readonly Chunk[], targets: readonly Target[]): number {
  const first = ranked.slice(0, placesMax);
  const found = targets.filter((target) => first.some((chunk) => isHit(chunk, target)));
  return found.length / Math.max(1, targets.length);
}

/** `places` from 0; −1: not found. */
function gain(places: readonly number[], targets: number): number {
  if (targets === 0) return 0;
  const discount = (place: number) => 1 / Math.log2(place + 2);
  const ideal = sum(Array.from({ length: Math.min(placesMax, targets) }, (_, place) => discount(place)));
  return sum(places.filter((place) => place >= 0).map(discount)) / ideal;
}

function isHit(chunk: Chunk, { path, lines }: Target): boolean {
  if (chunk.path !== path) return false;
  if (lines === null) return true;
  return chunk.ranges.some((range) => range.startLine <= lines.endLine && range.endLine >= lines.startLine);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
