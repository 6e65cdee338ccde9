import "@vscode/codicons/dist/codicon.css";
import "./ask.css";
import { parseHostMessage } from "../extension/protocol/view.ts";
import { AskPage } from "./render.ts";
import { canSend, initialModel, isAnswering, reduce } from "./state.ts";
import type { AskAction, AskModel } from "./state.ts";
import { vscodeApi } from "./vscodeApi.ts";

let model: AskModel = initialModel(savedDraft());

const page = new AskPage(document.body, {
  draftChanged: (draft) => {
    dispatch({ type: "draftChanged", draft });
  },
  send: () => {
    if (!canSend(model)) return;
    vscodeApi.postMessage({ type: "ask", question: model.draft.trim() });
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
  openCitation: ({ path, startLine, endLine }) => {
    vscodeApi.postMessage({ type: "openCitation", path, startLine, endLine });
  },
  act: (action, turn) => {
    if (action === "askAgain" && turn !== null) vscodeApi.postMessage({ type: "ask", question: turn.question });
    else vscodeApi.postMessage({ type: "act", action });
  },
});

window.addEventListener("message", (event) => {
  const message = parseHostMessage(event.data);
  if (message === null) return;
  if (message.type === "focusQuestion") page.focusQuestion();
  else dispatch({ type: "snapshotReceived", state: message.state });
});

page.render(model);
vscodeApi.postMessage({ type: "ready" });

function dispatch(action: AskAction): void {
  model = reduce(model, action);
  // The draft is all that the host does not know; it must survive the view being hidden.
  vscodeApi.setState({ draft: model.draft });
  page.render(model);
}

function savedDraft(): string {
  const saved = vscodeApi.getState();
  return typeof saved === "object" && saved !== null && "draft" in saved && typeof saved.draft === "string"
    ? saved.draft
    : "";
}
