// What went wrong, in words a person can act on: the API's problem+json, or the network's silence.

export class Problem extends Error {
  /** HTTP status; 0 when no answer arrived. */
  readonly status: number;
  /** Stable name of the mistake. */
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
  }
}

/** The server could not be reached. */
export function unreachable(): Problem {
  return new Problem(0, "unreachable", "The server does not answer. Check the connection, then try again.");
}

/** The problem that an answer's body describes; a plain sentence if it describes none. */
export function parseProblem(status: number, body: string): Problem {
  try {
    const json = JSON.parse(body) as { code?: unknown; detail?: unknown; title?: unknown };
    const detail = [json.detail, json.title].find((text) => typeof text === "string" && text !== "");
    if (typeof detail === "string") {
      return new Problem(status, typeof json.code === "string" ? json.code : "unknown", sentence(detail));
    }
  } catch {
    // Not JSON: something between us and the API answered.
  }
  return new Problem(status, "unknown", `The server answered with status ${status}. Try again shortly.`);
}

/** Any thrown value as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return unreachable();
  return new Problem(0, "unexpected", error instanceof Error ? error.message : String(error));
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
