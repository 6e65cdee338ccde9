import { t } from "@vscode/l10n";
import { button, element } from "./dom.ts";

export interface CodeIntents {
  readonly copy: (text: string) => void;
  readonly insertCode: (code: string) => void;
}

/** Puts each block of code into a frame with its language and the buttons for copying and inserting it. */
export function addCodeTools(root: DocumentFragment, { copy, insertCode }: CodeIntents): void {
  for (const block of root.querySelectorAll("pre")) {
    const code = (): string => block.textContent;
    const language = /\blanguage-(\S+)/.exec(block.querySelector("code")?.className ?? "")?.[1] ?? "";
    const frame = element(
      "div",
      { class: "code" },
      element(
        "div",
        { class: "codeTools" },
        element("span", { class: "language", text: language }),
        button({
          class: "icon",
          icon: "copy",
          label: t("Copy the code"),
          title: t("Copy the code"),
          onClick: () => {
            copy(code());
          },
        }),
        button({
          class: "icon",
          icon: "insert",
          label: t("Insert at the cursor"),
          title: t("Insert at the cursor"),
          onClick: () => {
            insertCode(code());
          },
        }),
      ),
    );
    block.replaceWith(frame);
    // Keyboards scroll what is too wide only where it can have the focus.
    block.tabIndex = 0;
    block.setAttribute("role", "group");
    block.setAttribute("aria-label", language === "" ? t("Code") : t("Code in {0}", language));
    frame.append(block);
  }
}
