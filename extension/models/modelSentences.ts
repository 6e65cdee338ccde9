/** What editor and terminal say alike about models. */
import { t } from "@vscode/l10n";
import { unreachable } from "../base/unreachable.ts";
import type { CheckedAgainst } from "../protocol/download.ts";
import type { ModelFit } from "../protocol/models.ts";

/** How sizes and numbers are written for the person who reads. */
export interface NumberFormat {
  readonly bytes: (count: number) => string;
  readonly number: (value: number) => string;
}

/** Whether a model fits, in half a sentence. */
export function fitSentence(fit: ModelFit, { bytes, number }: NumberFormat): string {
  const { weightBytes, kvBytes, computeBytes } = fit.needs;
  const needs = bytes(weightBytes + kvBytes + computeBytes);
  switch (fit.kind) {
    case "fits":
      return fit.on === "gpu" ? t("fits on the GPU, needs {0}", needs) : t("fits in memory, needs {0}", needs);
    case "partly":
      return t("fits with {0} of {1} layers on the GPU, needs {2}", number(fit.gpuLayers), number(fit.layers), needs);
    case "tooLarge":
      return t("too large: needs {0}, {1} can be used", needs, bytes(fit.availableBytes));
    default:
      return unreachable(fit);
  }
}

/** What is known of a downloaded file, in half a sentence. */
export function checkedSentence({
  sha256,
  checkedAgainst,
}: {
  readonly sha256: string;
  readonly checkedAgainst: CheckedAgainst;
}): string {
  switch (checkedAgainst) {
    case "published":
      return t("checked: it is the file that was published");
    case "server":
      return t("checked: it is the file that the server has");
    case "nothing":
      return sha256 === ""
        ? t("no checksum is known")
        : t("no checksum is known; SHA-256 {0}…", sha256.slice(0, shownDigits));
    default:
      return unreachable(checkedAgainst);
  }
}

/** Enough of a checksum to compare it by eye. */
const shownDigits = 16;
