import { randomUUID } from "node:crypto";
import { Listeners } from "../base/listeners.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import { conversationTitle } from "../protocol/conversation.ts";
import type { StoredConversation } from "../protocol/conversation.ts";
import type { TurnView, HistoryEntry } from "../protocol/view.ts";
import type { Conversation } from "./conversation.ts";
import type { ConversationContent, ConversationStore, ConversationSummary } from "./conversationStore.ts";

export interface HistoryOptions {
  /** Null where no folder is open: then nothing is kept. */
  readonly store: ConversationStore | null;
  readonly conversation: Conversation;
  /** Which conversation this window shows; it survives a reload. */
  readonly shown: { get(): string | null; set(id: string): void };
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

/** A growing answer is stored at most this often, so that at most so much of it is lost with a window. */
const saveEveryMs = 1000;

type Unsaved = Omit<ConversationContent, "updatedMs">;

/** Keeps the workspace's conversations: stores the one that is shown as it grows, lists the others, and opens them again. */
export class History {
  readonly #options: HistoryOptions;
  readonly #listeners = new Listeners<undefined>();
  readonly #subscription: { dispose(): void };
  readonly #saves = new SerialQueue();
  #conversations: readonly ConversationSummary[] = [];
  #entries: readonly HistoryEntry[] = [];
  /** The state of a conversation that this window knows: when that was stored. For the shown one and those being stored. */
  readonly #seenMs = new Map<string, number>();
  #shownTurns: readonly TurnView[];
  #shownId: string;
  #unsaved: Unsaved | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { conversation } = options;
    this.#shownTurns = conversation.turns;
    this.#shownId = conversation.id;
    this.#subscription = conversation.onChanged(() => {
      this.#noteChange();
    });
  }

  /** Last used first. The same array until something changes. */
  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  onChanged(listener: () => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** At the start: shows again what this window showed, unless a question came first. */
  async restore(): Promise<void> {
    const { store, conversation, shown } = this.#options;
    const id = shown.get();
    const stored = store === null || id === null ? null : await this.#read(store, id);
    if (stored !== null && conversation.turns.length === 0) this.#show(stored);
  }

  /** Lists again what is stored: other windows store too. */
  async refresh(): Promise<void> {
    const { store, warn } = this.#options;
    if (store === null) return;
    try {
      const { conversations, refused } = await store.list();
      if (refused.length > 0) warn(`These files hold no conversation that can be read: ${refused.join(", ")}`);
      this.#conversations = conversations;
      this.#listChanged();
    } catch (thrown) {
      warn(`The conversations could not be listed: ${messageOf(thrown)}`);
    }
  }

  /** Shows a stored conversation; where it is gone, the list says so. */
  async open(id: string): Promise<void> {
    const { store, conversation } = this.#options;
    if (store === null || id === conversation.id) return;
    await this.#flush();
    const stored = await this.#read(store, id);
    if (stored === null) {
      await this.refresh();
      return;
    }
    this.#show(stored);
  }

  /** Deletes a stored conversation; the one that is shown makes way for an empty one. */
  async delete(id: string): Promise<void> {
    const { store, conversation, warn } = this.#options;
    if (store === null) return;
    if (id === conversation.id) {
      conversation.begin();
      this.#forgetUnsaved();
    }
    try {
      await this.#saves.run(() => store.delete(id));
    } catch (thrown) {
      warn(`A conversation could not be deleted: ${messageOf(thrown)}`);
    }
    await this.refresh();
  }

  /** Stores at once what is not stored yet. */
  dispose(): void {
    this.#subscription.dispose();
    this.#listeners.clear();
    const { store, now, warn } = this.#options;
    const unsaved = this.#unsaved;
    this.#forgetUnsaved();
    if (store === null || unsaved === null) return;
    try {
      const seenMs = this.#seenMs.get(unsaved.id) ?? 0;
      const content = { ...unsaved, updatedMs: Math.max(now(), seenMs + 1) };
      if (!store.saveNow(content, seenMs)) store.saveNow({ ...content, id: randomUUID() }, 0);
    } catch (thrown) {
      warn(`The conversation could not be stored: ${messageOf(thrown)}`);
    }
  }

  #noteChange(): void {
    const { conversation, shown } = this.#options;
    const { id, createdMs, turns } = conversation;
    if (id !== this.#shownId) {
      // The conversation before is stored under its own name and time, before that is forgotten.
      void this.#flush();
      this.#shownId = id;
      this.#shownTurns = [];
      shown.set(id);
      this.#listChanged();
    }
    if (turns === this.#shownTurns) return;
    const isMilestone = turns.length !== this.#shownTurns.length || turns.at(-1)?.phase === "done";
    this.#shownTurns = turns;
    if (turns.length === 0) return;
    shown.set(id);
    this.#unsaved = { id, createdMs, turns };
    if (isMilestone && this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        void this.#flush();
      },
      isMilestone ? 0 : saveEveryMs,
    );
  }

  /** Never rejects: what could not be stored is told in the log, and stored with the next change. */
  #flush(): Promise<void> {
    const unsaved = this.#unsaved;
    const { store, warn } = this.#options;
    this.#forgetUnsaved();
    if (unsaved === null || store === null) return this.#saves.idle();
    return this.#saves.run(async () => {
      try {
        await this.#save(unsaved, store);
      } catch (thrown) {
        warn(`The conversation could not be stored: ${messageOf(thrown)}`);
      }
    });
  }

  async #save(unsaved: Unsaved, store: ConversationStore): Promise<void> {
    const { conversation, now } = this.#options;
    const seenMs = this.#seenMs.get(unsaved.id) ?? 0;
    const content = { ...unsaved, updatedMs: Math.max(now(), seenMs + 1) };
    if (await store.save(content, seenMs)) {
      this.#stored(content);
      // A conversation more may be one too many.
      if (seenMs === 0 && (await store.prune(content.id)) > 0) await this.refresh();
      return;
    }
    // Another window went on with the same conversation: both are kept, this one under a new name.
    const own = { ...content, id: randomUUID() };
    await store.save(own, 0);
    this.#stored(own);
    if (conversation.id === unsaved.id) conversation.takeId(own.id);
    await this.refresh();
  }

  #stored({ id, updatedMs, turns }: ConversationContent): void {
    this.#seenMs.set(id, updatedMs);
    for (const known of this.#seenMs.keys()) if (known !== id && known !== this.#shownId) this.#seenMs.delete(known);
    const title = conversationTitle({ turns });
    const listed = this.#conversations.find((one) => one.id === id);
    // While an answer grows, the list stays as it is.
    if (listed?.questions === turns.length && listed.title === title && turns.at(-1)?.phase !== "done") return;
    const others = this.#conversations.filter((one) => one.id !== id);
    this.#conversations = [{ id, title, updatedMs, questions: turns.length }, ...others];
    this.#listChanged();
  }

  #show(stored: StoredConversation): void {
    this.#seenMs.set(stored.id, stored.updatedMs);
    this.#options.conversation.load(stored);
    // It is stored as it is, unless an interrupted turn was marked now.
    if (stored.turns.every(({ phase }) => phase === "done")) this.#forgetUnsaved();
  }

  async #read(store: ConversationStore, id: string): Promise<StoredConversation | null> {
    try {
      return await store.read(id);
    } catch (thrown) {
      this.#options.warn(`A conversation could not be read: ${messageOf(thrown)}`);
      return null;
    }
  }

  #forgetUnsaved(): void {
    this.#unsaved = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #listChanged(): void {
    this.#entries = this.#conversations.map((summary) => ({ ...summary, isOpen: summary.id === this.#shownId }));
    this.#listeners.call(undefined);
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
