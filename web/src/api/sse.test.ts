import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, readEvents, type ServerEvent } from "./sse";

const TEXT = ': hello\r\nevent: video\r\ndata: {"id":\r\ndata: 1}\r\n\r\ndata:bare\n\nevent: nothing\n\nid: 7\rdata: old mac\r\r';
const EVENTS: ServerEvent[] = [
  { name: "video", data: '{"id":\n1}' },
  { name: "message", data: "bare" },
  { name: "message", data: "old mac" },
];

test("the same events come out however the text is cut", () => {
  for (let size = 1; size <= TEXT.length; size++) {
    const parser = new EventParser();
    const events: ServerEvent[] = [];
    for (let at = 0; at < TEXT.length; at += size) events.push(...parser.push(TEXT.slice(at, at + size)));
    events.push(...parser.push("\n"));
    assert.deepEqual(events, EVENTS, `pieces of ${size}`);
  }
});

test("an unfinished event is not delivered", () => {
  assert.deepEqual(new EventParser().push("data: half\n"), []);
});

test("characters cut between pieces survive", async () => {
  const bytes = new TextEncoder().encode("data: Amélie 東京\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  await readEvents(new Response(body), (event) => events.push(event));
  assert.deepEqual(events, [{ name: "message", data: "Amélie 東京" }]);
});
