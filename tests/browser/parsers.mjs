// Parsers of HLS and DASH that others wrote agree on what a title is: rungs, languages, subtitles, lengths and the addresses of segments.
//
// node parsers.mjs HLS_URL DASH_URL SECONDS
//
// Exit code 0, or 1 with the reason on standard error.
import { Parser } from "m3u8-parser";
import { parse } from "mpd-parser";
import { check, run } from "./browser.mjs";

const [hls, dash, length] = process.argv.slice(2);
const seconds = Number(length);

/** How far lengths may be apart: sound ends with a frame of its own. */
const TOLERANCE_S = 0.05;

await run(async (see) => {
  check(seconds > 0, "usage: parsers.mjs HLS_URL DASH_URL SECONDS");
  const [byHls, byDash] = [await readHls(), await readDash()];
  for (const [name, tracks] of Object.entries({ HLS: byHls, DASH: byDash })) {
    for (const { id, duration } of tracks.filter(({ segments }) => segments.length > 1)) {
      check(Math.abs(duration - seconds) < TOLERANCE_S, `by ${name}, ${id} lasts ${duration} s, not ${seconds}`);
    }
  }
  for (const kind of ["video", "audio"]) {
    const told = (tracks) => JSON.stringify(tracks.filter((track) => track.kind === kind).map(said).sort());
    check(told(byHls) === told(byDash), `HLS says\n${told(byHls)}\nand DASH\n${told(byDash)}`);
    see(`${kind}: both say ${tracksIn(byHls, kind).join(", ")}`);
  }
  const languages = (tracks) => tracks.filter(({ kind }) => kind === "text").map(({ language }) => language).sort().join();
  check(languages(byHls) === languages(byDash), `subtitles are in ${languages(byHls)} by HLS, and in ${languages(byDash)} by DASH`);
});

/** What both have to say alike of a track: where its segments are says which one it is. */
function said({ size, language, segments }) {
  return [size, language, segments.length, ...segments];
}

function tracksIn(tracks, kind) {
  return tracks.filter((track) => track.kind === kind).map(({ id, segments }) => `${id} (${segments.length} segments)`);
}

async function text(url) {
  const response = await fetch(url);
  check(response.ok, `${response.status} for ${url}`);
  return response.text();
}

function manifest(source) {
  const parser = new Parser();
  parser.push(source);
  parser.end();
  return parser.manifest;
}

/** The tracks of the multivariant playlist, each once. */
async function readHls() {
  const master = manifest(await text(hls));
  const tracks = new Map();
  const add = async (uri, kind, more) => {
    const url = new URL(uri, hls).href;
    if (!tracks.has(url)) tracks.set(url, { kind, ...more, ...(await readMedia(url)) });
  };
  for (const { uri, attributes } of master.playlists) {
    const { width, height } = attributes.RESOLUTION;
    await add(uri, "video", { size: `${width}x${height}`, language: null });
  }
  for (const [kind, name] of [
    ["audio", "AUDIO"],
    ["text", "SUBTITLES"],
  ]) {
    for (const group of Object.values(master.mediaGroups[name])) {
      for (const { uri, language } of Object.values(group)) await add(uri, kind, { size: null, language });
    }
  }
  return [...tracks.values()];
}

async function readMedia(url) {
  const media = manifest(await text(url));
  check(media.endList && media.playlistType === "VOD", `${url} does not end`);
  const segments = media.segments.map(({ uri }) => pathOf(new URL(uri, url)));
  const duration = media.segments.reduce((sum, { duration }) => sum + duration, 0);
  return { id: pathOf(new URL(".", url)), segments, duration };
}

/** The tracks of the manifest. */
async function readDash() {
  const media = parse(await text(dash), { manifestUri: dash });
  const track = (kind, language) => (playlist) => {
    const segments = playlist.segments.map(({ resolvedUri }) => pathOf(new URL(resolvedUri)));
    const duration = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
    const { width, height } = playlist.attributes.RESOLUTION ?? {};
    return { kind, id: playlist.attributes.NAME, language, size: width ? `${width}x${height}` : null, segments, duration };
  };
  const groups = (name) => Object.values(media.mediaGroups[name]).flatMap((group) => Object.values(group));
  return [
    ...media.playlists.map(track("video", null)),
    ...groups("AUDIO").flatMap(({ language, playlists }) => playlists.map(track("audio", language))),
    ...groups("SUBTITLES").flatMap(({ language, playlists }) => playlists.map(track("text", language))),
  ];
}

/** Past the token, which both have. */
function pathOf(url) {
  return url.pathname.split("/").slice(2).join("/");
}
