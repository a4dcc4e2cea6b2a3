import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTiles, tileAt } from "./tiles";

const BASE = "https://edge.example/token/media/v/e/thumbs/index.vtt";
const INDEX = `WEBVTT

00:00:00.000 --> 00:00:10.000
tiles-0001.jpg#xywh=0,0,240,136

00:00:10.000 --> 00:00:20.000
tiles-0001.jpg#xywh=240,0,240,136

01:00:00.000 --> 01:00:04.500
tiles-0002.jpg#xywh=0,136,240,136
`;

test("every cue is a part of an image beside the index", () => {
  const tiles = parseTiles(INDEX, BASE);
  assert.equal(tiles.length, 3);
  const url = "https://edge.example/token/media/v/e/thumbs/tiles-0002.jpg";
  assert.deepEqual(tiles[2], { start_s: 3600, url, x: 0, y: 136, width: 240, height: 136 });
  assert.deepEqual(parseTiles(INDEX.replace(/\n/g, "\r\n"), BASE), tiles);
});

test("a place shows the tile that began last", () => {
  const tiles = parseTiles(INDEX, BASE);
  const shown = (at_s: number) => tileAt(tiles, at_s)?.x;
  assert.deepEqual([0, 9.9, 10, 3599, 9999].map(shown), [0, 0, 240, 240, 0]);
  assert.equal(tileAt(tiles, -1), null);
  assert.equal(tileAt([], 5), null);
});

test("what is no index of tiles has none", () => {
  const odd = "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nHello\n\nx --> y\na.jpg#xywh=0,0,1,1\n\n00:03.000 --> 00:04.000";
  assert.deepEqual(parseTiles(odd, BASE), []);
  assert.deepEqual(parseTiles("", BASE), []);
});
