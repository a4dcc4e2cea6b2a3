// Server-sent events over fetch, because the browser's EventSource cannot carry a bearer token.

export interface ServerEvent {
  name: string;
  data: string;
}

/** Cuts a stream of text into events (WHATWG HTML, section 9.2.6; ids and retry times are not used here). */
export class EventParser {
  private rest = "";
  private name = "";
  private data: string[] = [];

  /** The events that `text` completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A lone CR at the end may be half of a CRLF: it waits for the next piece.
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") this.dispatch(events);
      else this.field(line);
    }
    return events;
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.name = value;
    else if (field === "data") this.data.push(value);
  }

  private dispatch(events: ServerEvent[]): void {
    if (this.data.length > 0) events.push({ name: this.name || "message", data: this.data.join("\n") });
    this.name = "";
    this.data = [];
  }
}

/** Reads `response` to its end. Throws if its body cannot be read piece by piece. */
export async function readEvents(response: Response, onEvent: (event: ServerEvent) => void): Promise<void> {
  if (!response.body) throw new Error("this browser cannot read a response while it arrives");
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.push(decoder.decode(value, { stream: true }))) onEvent(event);
  }
}
