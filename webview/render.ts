import { t } from "@vscode/l10n";
import type { FailureAction, TurnView, ViewState } from "../extension/protocol/view.ts";
import { Announcer } from "./announcer.ts";
import { BudgetBar } from "./budgetBar.ts";
import { Composer } from "./composer.ts";
import type { ComposerIntents } from "./composer.ts";
import { button, codicon, element } from "./dom.ts";
import { HistoryPanel, openButton } from "./historyPanel.ts";
import type { HistoryIntents } from "./historyPanel.ts";
import { isAnswering, progressShare } from "./state.ts";
import type { AskModel } from "./state.ts";
import { progressLine } from "./texts.ts";
import { failureBox, TurnElement } from "./turnElement.ts";
import type { TurnIntents } from "./turnElement.ts";

export interface AskIntents extends TurnIntents, ComposerIntents, HistoryIntents {}

/** A reader who has scrolled further than this away from where the answer was shown is left alone. */
const followWithinPx = 48;
/** Earlier answers of a conversation that is opened wait so long for a pause, in milliseconds. */
const laterMs = 200;
/** Conversations offered where there is none yet. */
const recentShown = 3;

/** The Ask view's elements. Made once; `render` brings them up to date with a model. */
export class AskPage {
  readonly #intents: AskIntents;
  readonly #scroll = element("main", { class: "scroll" });
  readonly #log = element("div", { class: "log", role: "log", label: t("Answers") });
  readonly #welcome = element("div", { class: "welcome" });
  readonly #history: HistoryPanel;
  readonly #notice = element("div", { class: "notice", role: "alert" });
  readonly #status = element("p", { class: "status" });
  readonly #bar = element("div", { class: "bar" });
  readonly #barDone = element("div", { class: "done" });
  readonly #budget = new BudgetBar();
  readonly #composer: Composer;
  readonly #announcer = new Announcer();
  readonly #turns = new Map<string, TurnElement>();
  /** Turns whose answers are not rendered yet: of a conversation that is opened, the last answer is shown first. */
  readonly #later = new Map<TurnElement, TurnView>();
  #shown: AskModel | null = null;
  /** Where the answer was shown last, in pixels. */
  #position = 0;

  constructor(root: HTMLElement, intents: AskIntents) {
    this.#intents = intents;
    // Its words come too fast to be read out one by one; the announcer says when they are complete.
    this.#log.setAttribute("aria-live", "off");
    this.#bar.setAttribute("aria-hidden", "true");
    this.#bar.append(this.#barDone);
    this.#composer = new Composer(intents);
    this.#history = new HistoryPanel(intents);
    this.#scroll.append(this.#welcome, this.#log);
    root.append(
      this.#history.node,
      this.#scroll,
      element(
        "div",
        { class: "foot" },
        this.#notice,
        this.#bar,
        this.#status,
        this.#budget.node,
        this.#composer.node,
        this.#announcer.node,
      ),
    );
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (this.#shown?.isHistoryOpen === true) intents.showHistory(false);
      else intents.stop();
    });
  }

  focusQuestion(): void {
    this.#composer.focus();
  }

  render(model: AskModel): void {
    const before = this.#shown;
    this.#shown = model;
    if (before?.snapshot !== model.snapshot) this.#renderSnapshot(before, model);
    this.#renderProgress(model);
    this.#history.render(model.snapshot?.history ?? [], model.isHistoryOpen);
    this.#scroll.hidden = model.isHistoryOpen;
    this.#composer.render(model);
    this.#announcer.render(model);
    if (before?.isHistoryOpen === true && !model.isHistoryOpen) this.#composer.focus();
  }

  #renderSnapshot(before: AskModel | null, model: AskModel): void {
    const isFollowing = this.#isFollowing();
    const { snapshot } = model;
    const turns = snapshot?.turns ?? [];
    const isSameLast = before?.snapshot?.turns.at(-1)?.askId === turns.at(-1)?.askId;
    this.#renderTurns(turns);
    this.#log.setAttribute("aria-busy", String(isAnswering(model)));
    if (before?.snapshot?.notice !== snapshot?.notice) this.#renderNotice(before?.snapshot ?? null, snapshot);
    this.#renderWelcome(before?.snapshot ?? null, snapshot);
    this.#budget.render(snapshot?.budget ?? null);
    this.#follow(isFollowing || !isSameLast);
  }

  /** Compared with where the answer was: measuring before and after would lay the page out twice. */
  #isFollowing(): boolean {
    return Math.abs(this.#scroll.scrollTop - this.#position) < followWithinPx;
  }

  #follow(isWanted: boolean): void {
    this.#position = this.#readingPosition();
    if (isWanted) this.#scroll.scrollTop = this.#position;
  }

  /** The end of the log, but never so far down that the last question is out of sight: answers are read from the top. */
  #readingPosition(): number {
    const end = this.#scroll.scrollHeight - this.#scroll.clientHeight;
    const last = this.#log.lastElementChild;
    return last instanceof HTMLElement ? Math.min(end, last.offsetTop - this.#scroll.offsetTop) : end;
  }

  #renderTurns(turns: readonly TurnView[]): void {
    const known = new Set(turns.map((turn) => turn.askId));
    for (const [askId, shown] of this.#turns) {
      if (known.has(askId)) continue;
      shown.node.remove();
      this.#turns.delete(askId);
      this.#later.delete(shown);
    }
    const wasIdle = this.#later.size === 0;
    for (const turn of turns) {
      const before = this.#turns.get(turn.askId);
      const shown = before ?? new TurnElement(turn, this.#intents);
      if (before === undefined) {
        this.#turns.set(turn.askId, shown);
        this.#log.append(shown.node);
      }
      const isLater = turn !== turns.at(-1) && (before === undefined || this.#later.has(before));
      if (isLater) this.#later.set(shown, turn);
      else this.#showTurn(shown, turn);
    }
    if (wasIdle) this.#showLater();
  }

  #showTurn(shown: TurnElement, turn: TurnView): void {
    this.#later.delete(shown);
    shown.update(turn);
  }

  /** Shows the answers that are not rendered yet, from the last one up, whenever nothing else is to be done. */
  #showLater(): void {
    if (this.#later.size === 0) return;
    const show = (): void => {
      const next = [...this.#later].at(-1);
      if (next === undefined) return;
      const isFollowing = this.#isFollowing();
      this.#showTurn(...next);
      this.#follow(isFollowing);
      this.#showLater();
    };
    requestIdleCallback(show, { timeout: laterMs });
  }

  #renderWelcome(before: ViewState | null, snapshot: ViewState | null): void {
    this.#welcome.hidden = snapshot === null || snapshot.turns.length > 0;
    if (this.#welcome.hidden || snapshot === null) return;
    const isSame =
      before?.turns.length === 0 && before.folder === snapshot.folder && before.history === snapshot.history;
    if (isSame) return;
    if (snapshot.folder === null) {
      this.#welcome.replaceChildren(
        codicon("folder"),
        element("p", { text: t("Open a folder to ask questions about its code.") }),
        button({
          class: "primary",
          text: t("Open a folder"),
          onClick: () => {
            this.#act("openFolder");
          },
        }),
      );
      return;
    }
    this.#welcome.replaceChildren(
      codicon("comment-discussion"),
      element("p", { class: "title", text: t("Ask about {0}", snapshot.folder) }),
      element("p", { text: t("Nothing leaves this machine. Answers name the files and lines they come from.") }),
      ...this.#recent(snapshot),
    );
  }

  #recent({ history }: ViewState): Node[] {
    if (history.length === 0) return [];
    const rows = history.slice(0, recentShown).map((entry) => element("li", {}, openButton(entry, this.#intents)));
    const parts: Node[] = [element("ul", { class: "recent", label: t("Conversations") }, ...rows)];
    if (history.length > recentShown) {
      parts.push(
        button({
          class: "link",
          text: t("All conversations"),
          onClick: () => {
            this.#intents.showHistory(true);
          },
        }),
      );
    }
    return parts;
  }

  #renderNotice(before: ViewState | null, snapshot: ViewState | null): void {
    const notice = snapshot?.notice ?? null;
    // An alert that is made again is read out again.
    if (JSON.stringify(notice) === JSON.stringify(before?.notice ?? null)) return;
    this.#notice.replaceChildren(
      ...(notice === null
        ? []
        : [
            failureBox(notice, (action) => {
              this.#act(action);
            }),
          ]),
    );
  }

  #renderProgress(model: AskModel): void {
    const progress = progressLine(model);
    const line = progress === "" ? model.told.sentence : progress;
    if (this.#status.textContent !== line) this.#status.textContent = line;
    this.#bar.classList.toggle("active", isAnswering(model));
    const share = progressShare(model);
    this.#bar.classList.toggle("unknown", share === null);
    this.#barDone.style.width = share === null ? "" : `${Math.round(share * 100)}%`;
  }

  #act(action: FailureAction): void {
    this.#intents.act(action, null);
  }
}
