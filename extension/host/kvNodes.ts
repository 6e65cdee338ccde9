/** The KV meter of the Engine view: what the assistant's cache takes, how it came to be, and what lies on disk. */
import { t } from "@vscode/l10n";
import type { CacheSize, KvMeter } from "../protocol/engine.ts";
import type { EngineNode } from "./engineNode.ts";
import { bytes, decimal, number } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

/** `kv` is null before an assistant was loaded. */
export function kvNode(kv: KvMeter | null, cache: CacheSize): EngineNode {
  const onDisk: EngineNode = {
    label: t("On disk"),
    description: cache.files === 0 ? t("nothing") : t("{0} in {1} segments", bytes(cache.bytes), number(cache.files)),
    icon: "save",
    context: "cache",
  };
  if (kv === null)
    return { label: t("KV cache"), description: t("empty"), icon: "layers", context: "cache", children: [onDisk] };
  return {
    label: t("KV cache"),
    description: t("{0} of {1} cells, {2}", number(kv.cellsUsed), number(kv.cells), bytesText(kv)),
    icon: kv.compression.isRunning ? "sync~spin" : "layers",
    context: "cache",
    children: [
      {
        label: t("Cells"),
        description: t("{0} of {1} hold {2} tokens", number(kv.cellsUsed), number(kv.cells), number(kv.tokens)),
        icon: "symbol-array",
      },
      { label: t("Bytes"), description: bytesText(kv), icon: "dashboard" },
      { label: t("Last prompt"), description: promptText(kv), icon: "history" },
      { label: t("Compression"), description: compressionText(kv), icon: "fold" },
      onDisk,
    ],
  };
}

function bytesText({ bytes: now, bytesFull }: KvMeter): string {
  return now < bytesFull ? `${bytes(bytesFull)} → ${bytes(now)}` : bytes(now);
}

function promptText({ prompt }: KvMeter): string {
  const { tokens, tokensKept, tokensLoaded, tokensRead, loadMs } = prompt;
  if (tokens === 0) return t("none yet");
  const share = Math.round((100 * (tokensKept + tokensLoaded)) / tokens);
  const parts = [t("{0} % of {1} tokens reused", share, number(tokens))];
  if (tokensKept > 0) parts.push(t("{0} from memory", number(tokensKept)));
  if (tokensLoaded > 0) parts.push(t("{0} from disk in {1} ms", number(tokensLoaded), number(Math.ceil(loadMs))));
  parts.push(t("{0} read", number(tokensRead)));
  return parts.join(", ");
}

function compressionText({ compression, keepRatio, evictor, uncompressedBecause }: KvMeter): string {
  if (uncompressedBecause.text !== "") return t("not with this model: {0}", sentenceText(uncompressedBecause));
  if (keepRatio >= 1 || evictor === "none") return t("off");
  const { isRunning, tokensDone, tokensTotal, ms } = compression;
  const how = t("{0} % kept by {1}", Math.round(keepRatio * 100), evictor);
  if (isRunning) return t("{0} of {1} tokens, {2}", number(tokensDone), number(tokensTotal), how);
  return tokensTotal === 0 ? how : t("{0} tokens in {1} s, {2}", number(tokensTotal), decimal(ms / 1000, 1), how);
}
