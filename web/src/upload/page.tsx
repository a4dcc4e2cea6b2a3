// Uploading: drop films or choose them, watch them go, and go on after a pause, an error or a reload.

import "./page.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { mayUpload } from "../account/rights";
import { asProblem, type Problem } from "../api/problem";
import { session } from "../api/session";
import { Heading } from "../ui/heading";
import { Icon } from "../ui/icons";
import { BlankPage, ProblemNotice } from "../ui/states";
import { UploadRow } from "./row";
import { add, listInterrupted, uploads } from "./uploads";

export function UploadPage() {
  const now = session.value;
  const [problem, setProblem] = useState<Problem | null>(null);
  const allowed = now.state === "signed-in" && mayUpload(now.me);
  useEffect(() => {
    if (allowed) listInterrupted().catch((error: unknown) => setProblem(asProblem(error)));
  }, [allowed]);
  if (!allowed) {
    return (
      <BlankPage icon="upload" title="Uploading is for editors">
        <p class="soft">This account watches. Ask an administrator for the role of an editor.</p>
      </BlankPage>
    );
  }
  return (
    <main class="page page-narrow" data-test="upload-page">
      <Heading>Upload</Heading>
      <DropZone />
      {problem ? <ProblemNotice problem={problem} /> : null}
      <ul class="uploads stack">
        {uploads.value.map((upload) => (
          <UploadRow key={upload.key} upload={upload} />
        ))}
      </ul>
    </main>
  );
}

function DropZone() {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (list: FileList | null | undefined) => {
    if (list) add(Array.from(list));
  };
  return (
    <div
      class={over ? "drop drop-over" : "drop"}
      data-test="drop"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <Icon name="film" large />
      <h2>Drop films here</h2>
      <p class="soft">Any common format, any size. What is cut off can go on later.</p>
      <button class="button button-main button-large" data-test="choose" onClick={() => input.current?.click()}>
        Choose files
      </button>
      <input
        ref={input}
        class="hidden-visually"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        data-test="file"
        onChange={(event) => {
          take(event.currentTarget.files);
          // So that choosing the same file again is a change again.
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}
