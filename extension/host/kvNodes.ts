/** The KV meter of the Engine view: what the assistant's cache takes, how it came to be, and what lies on disk. */
import type { CacheSize, KvMeter } from "../protocol/engine.ts";
import type { EngineNode } from "./engineNode.ts";
import { bytes, number } from "./numberText.ts";

/** `kv` is null before an assistant was loaded. */
export function kvNode(kv: KvMeter | null, cache: CacheSize): EngineNode {
  const onDisk: EngineNode = {
    label: "On disk",
    description: cache.files === 0 ? "nothing" : `${bytes(cache.bytes)} in ${number(cache.files)} segments`,
    icon: "save",
  };
  if (kv === null) return { label: "KV cache", description: "empty", icon: "layers", children: [onDisk] };
  return {
    label: "KV cache",
    description: `${number(kv.cellsUsed)} of ${number(kv.cells)} cells, ${bytesText(kv)}`,
    icon: kv.compression.isRunning ? "sync~spin" : "layers",
    children: [
      {
        label: "Cells",
        description: `${number(kv.cellsUsed)} of ${number(kv.cells)} hold ${number(kv.tokens)} tokens`,
        icon: "symbol-array",
      },
      { label: "Bytes", description: bytesText(kv), icon: "dashboard" },
      { label: "Last prompt", description: promptText(kv), icon: "history" },
      { label: "Compression", description: compressionText(kv), icon: "fold" },
      onDisk,
    ],
  };
}

function bytesText({ bytes: now, bytesFull }: KvMeter): string {
  return now < bytesFull ? `${bytes(bytesFull)} → ${bytes(now)}` : bytes(now);
}

function promptText({ prompt }: KvMeter): string {
  const { tokens, tokensKept, tokensLoaded, tokensRead, loadMs } = prompt;
  if (tokens === 0) return "none yet";
  const share = Math.round((100 * (tokensKept + tokensLoaded)) / tokens);
  const parts = [`${share} % of ${number(tokens)} tokens reused`];
  if (tokensKept > 0) parts.push(`${number(tokensKept)} from memory`);
  if (tokensLoaded > 0) parts.push(`${number(tokensLoaded)} from disk in ${number(Math.ceil(loadMs))} ms`);
  parts.push(`${number(tokensRead)} read`);
  return parts.join(", ");
}

function compressionText({ compression, keepRatio, evictor, uncompressedBecause }: KvMeter): string {
  if (uncompressedBecause !== "") return `not with this model: ${uncompressedBecause}`;
  if (keepRatio >= 1 || evictor === "none") return "off";
  const { isRunning, tokensDone, tokensTotal, ms } = compression;
  const how = `${Math.round(keepRatio * 100)} % kept by ${evictor}`;
  if (isRunning) return `${number(tokensDone)} of ${number(tokensTotal)} tokens, ${how}`;
  return tokensTotal === 0 ? how : `${number(tokensTotal)} tokens in ${(ms / 1000).toFixed(1)} s, ${how}`;
}
