import "@vscode/codicons/dist/codicon.css";
import "./css/page.css";
import "./css/answer.css";
import "./css/code.css";
import "./css/below.css";
import "./css/composer.css";
import "./css/history.css";
import { parseHostMessage } from "../extension/protocol/view.ts";
import type { HostMessage } from "../extension/protocol/view.ts";
import { useLanguageOf } from "./l10n.ts";
import { AskPage } from "./render.ts";
import { canSend, initialModel, isAnswering, neededSearch, reduce } from "./state.ts";
import type { AskAction, AskModel } from "./state.ts";
import { vscodeApi } from "./vscodeApi.ts";

useLanguageOf(document);
let model: AskModel = initialModel(savedDraft());
let isRenderDue = false;

const page = new AskPage(document.body, {
  draftChanged: (draft, caret) => {
    dispatch({ type: "draftChanged", draft, caret });
  },
  send: () => {
    if (!canSend(model)) return;
    vscodeApi.postMessage({ type: "ask", question: model.draft.trim(), from: model.editing?.askId ?? null });
    dispatch({ type: "questionSent" });
  },
  stop: () => {
    if (!isAnswering(model)) return;
    vscodeApi.postMessage({ type: "stop" });
    dispatch({ type: "stopRequested" });
  },
  recall: (direction) => {
    dispatch({ type: "recallRequested", direction });
  },
  edit: ({ askId }) => {
    dispatch({ type: "editRequested", askId });
  },
  cancelEdit: () => {
    dispatch({ type: "editCancelled" });
  },
  retry: ({ question, askId }) => {
    if (!isAnswering(model)) vscodeApi.postMessage({ type: "ask", question, from: askId });
  },
  moveSuggestion: (by) => {
    dispatch({ type: "suggestionMoved", by });
  },
  acceptSuggestion: (index) => {
    dispatch({ type: "suggestionAccepted", index });
  },
  closeSuggestions: () => {
    if (model.suggesting !== null) dispatch({ type: "suggestionsClosed" });
  },
  copy: (text) => {
    vscodeApi.postMessage({ type: "copy", text });
  },
  insertCode: (text) => {
    vscodeApi.postMessage({ type: "insertCode", text });
  },
  openCitation: ({ path, startLine, endLine }) => {
    vscodeApi.postMessage({ type: "openCitation", path, startLine, endLine });
  },
  act: (action, turn) => {
    if (action === "askAgain" && turn !== null) {
      vscodeApi.postMessage({ type: "ask", question: turn.question, from: null });
    } else if (action === "editQuestion" && turn !== null) {
      dispatch({ type: "editRequested", askId: turn.askId });
    } else vscodeApi.postMessage({ type: "act", action });
  },
  showHistory,
  newConversation: () => {
    vscodeApi.postMessage({ type: "newConversation" });
  },
  openConversation: (id) => {
    vscodeApi.postMessage({ type: "openConversation", id });
    dispatch({ type: "historyToggled", isOpen: false });
  },
  deleteConversation: (id) => {
    vscodeApi.postMessage({ type: "deleteConversation", id });
  },
});

window.addEventListener("message", (event) => {
  const message = parseHostMessage(event.data);
  if (message !== null) receive(message);
});

page.render(model);
vscodeApi.postMessage({ type: "ready" });
vscodeApi.postMessage({ type: "refreshHistory" });

function receive(message: HostMessage): void {
  switch (message.type) {
    case "state":
      dispatch({ type: "snapshotReceived", state: message.state });
      return;
    case "turn":
      take({ type: "turnReceived", turn: message.turn });
      renderSoon();
      return;
    case "text":
      take({ ...message, type: "textReceived" });
      renderSoon();
      return;
    case "mentions":
      dispatch({ ...message, type: "placesFound" });
      return;
    case "told":
      dispatch({ type: "told", sentence: message.sentence });
      return;
    case "focusQuestion":
      dispatch({ type: "historyToggled", isOpen: false });
      page.focusQuestion();
      return;
    case "showHistory":
      showHistory(true);
  }
}

function showHistory(isOpen: boolean): void {
  // Other windows may have asked meanwhile.
  if (isOpen) vscodeApi.postMessage({ type: "refreshHistory" });
  dispatch({ type: "historyToggled", isOpen });
}

function dispatch(action: AskAction): void {
  take(action);
  page.render(model);
}

/** What comes within a frame is rendered together. */
function renderSoon(): void {
  if (isRenderDue) return;
  isRenderDue = true;
  requestAnimationFrame(() => {
    isRenderDue = false;
    page.render(model);
  });
}

function take(action: AskAction): void {
  const before = model;
  model = reduce(model, action);
  if (model.isStale && !before.isStale) vscodeApi.postMessage({ type: "ready" });
  const search = neededSearch(model);
  if (search !== null && search.requestId !== before.suggesting?.requestId) {
    vscodeApi.postMessage({ type: "findMentions", ...search });
  }
  // The draft is all that the host does not know; it must survive the view being hidden.
  if (model.draft !== before.draft) vscodeApi.setState({ draft: model.draft });
}

function savedDraft(): string {
  const saved = vscodeApi.getState();
  return typeof saved === "object" && saved !== null && "draft" in saved && typeof saved.draft === "string"
    ? saved.draft
    : "";
}
