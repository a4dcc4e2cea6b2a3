// The real tus client against the uploads of a running Marquee: a whole upload, one that is aborted in the middle and
// resumed, and one that is terminated.
//
// node tus.mjs BASE_URL ACCESS_TOKEN FILE
//
// On success prints one JSON object, {"uploads":[{"video_id","url","sha256"}],"terminated":url}: the caller compares the
// checksums with what is stored. Exit code 0, or 1 with the reason on standard error.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { Upload } from "tus-js-client";
import { check, run } from "./browser.mjs";

const [base, token, path] = process.argv.slice(2);
const endpoint = `${base}/v1/uploads`;
const headers = { authorization: `Bearer ${token}` };
/** Requests per upload, so that an abort meets one in the middle. */
const REQUESTS = 6;

await run(async (see) => {
  check(path, "usage: tus.mjs BASE_URL ACCESS_TOKEN FILE");
  const bytes = await readFile(path);
  check(bytes.length >= REQUESTS, `${path} is too small for this test`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  const whole = await createVideo("whole");
  const wholeUrl = await finish(new Upload(bytes, options(whole)));
  check((await head(wholeUrl)).offset === bytes.length, "a finished upload does not hold all its bytes");

  const broken = await createVideo("aborted and resumed");
  const cutUrl = await abortInTheMiddle(bytes, broken);
  const { status, offset } = await head(cutUrl);
  check(status === 200 && offset > 0 && offset < bytes.length, `an aborted upload holds ${offset} of ${bytes.length} bytes`);
  let firstOffset = null;
  const resumed = new Upload(bytes, {
    ...options(broken),
    uploadUrl: cutUrl,
    onBeforeRequest: (request) => {
      if (request.getMethod() === "PATCH") firstOffset ??= Number(request.getHeader("Upload-Offset"));
    },
  });
  check((await finish(resumed)) === cutUrl, "resuming made another upload");
  check(firstOffset === offset, `resuming began at ${firstOffset} instead of ${offset}`);

  const unwanted = await createVideo("terminated");
  const terminated = await abortInTheMiddle(bytes, unwanted);
  await Upload.terminate(terminated, { headers });
  const gone = (await head(terminated)).status;
  check(gone === 404 || gone === 410, `a terminated upload answers ${gone}`);

  see(
    JSON.stringify({
      uploads: [
        { video_id: whole, url: wholeUrl, sha256 },
        { video_id: broken, url: cutUrl, sha256 },
      ],
      terminated,
    }),
  );
});

async function createVideo(title) {
  const response = await fetch(`${base}/v1/videos`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ title }),
  });
  check(response.status === 201, `making a video answered ${response.status}: ${await response.clone().text()}`);
  return (await response.json()).id;
}

function options(videoId) {
  return {
    endpoint,
    headers,
    retryDelays: [],
    metadata: { video_id: videoId, filename: basename(path) },
  };
}

/** Runs `upload` to its end; answers its address. */
function finish(upload) {
  return new Promise((resolve, reject) => {
    upload.options.onSuccess = () => resolve(upload.url);
    upload.options.onError = reject;
    upload.start();
  });
}

/** Begins an upload and aborts it after half of its requests; answers its address. */
function abortInTheMiddle(bytes, videoId) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      ...options(videoId),
      chunkSize: Math.ceil(bytes.length / REQUESTS),
      onError: reject,
      onChunkComplete: (_, accepted) => {
        if (accepted >= bytes.length / 2) upload.abort().then(() => resolve(upload.url), reject);
      },
    });
    upload.start();
  });
}

async function head(url) {
  const response = await fetch(url, { method: "HEAD", headers: { ...headers, "tus-resumable": "1.0.0" } });
  return { status: response.status, offset: Number(response.headers.get("upload-offset") ?? -1) };
}
