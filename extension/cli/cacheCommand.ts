import type { CacheReport } from "../protocol/engine.ts";
import { withBareEngine } from "./openEngine.ts";
import type { CommandContext, EngineOptions } from "./openEngine.ts";
import { bytes, count, counted, decimal, heading, table } from "./textFormat.ts";

/** What `precis cache` can do, with descriptions for its help. */
export const cacheActions = {
  list: "list what is stored: model, tokens, cells, bytes, when it was used last",
  clear: "delete all of it",
  verify: "read all of it and remove what is damaged",
} as const;
export type CacheAction = keyof typeof cacheActions;

/** Segments listed one by one; `--json` lists them all. */
const segmentsShown = 40;

/** `precis cache`: what is stored of KV caches. */
export async function runCache(action: CacheAction, options: EngineOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  await withBareEngine(options, context, async (client) => {
    if (action === "list") {
      const report = await client.request("cacheList", {}, { signal });
      if (options.json) terminal.printJson(report);
      else terminal.print(listText(report));
    } else if (action === "clear") {
      const cleared = await client.request("cacheClear", {}, { signal });
      if (options.json) terminal.printJson(cleared);
      else terminal.print(`Deleted ${counted(cleared.files, "file")}, ${bytes(cleared.bytes)}.`);
    } else {
      const verified = await client.request("cacheVerify", {}, { signal });
      if (options.json) terminal.printJson(verified);
      else {
        terminal.print(
          `${counted(verified.files, "file")}, ${bytes(verified.bytes)}: whole. Removed: ${count(verified.removed)}.`,
        );
      }
    }
  });
}

function listText({ folder, bytesMax, segments }: CacheReport): string {
  const total = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const title = `${counted(segments.length, "segment")}, ${bytes(total)} of ${bytes(bytesMax)}, in ${folder}`;
  const rows = [["tokens", "cells", "bytes", "type", "used", "evictor", "segment"]];
  for (const segment of segments.slice(0, segmentsShown)) {
    rows.push([
      count(segment.tokens),
      count(segment.cells),
      bytes(segment.bytes),
      segment.kvType,
      new Date(segment.usedMs).toISOString().slice(0, 19).replace("T", " "),
      segment.keepRatio < 1 ? `${segment.evictor} ${decimal(segment.keepRatio * 100)} %` : "whole",
      `${segment.label} (${segment.modelName})`,
    ]);
  }
  const more = segments.length - segmentsShown;
  return [
    heading(title),
    ...(segments.length === 0 ? [] : [table(rows, ["right", "right", "right", "left", "left", "left", "left"], "  ")]),
    ...(more > 0 ? [`  and ${count(more)} more; --json lists them all`] : []),
  ].join("\n");
}
